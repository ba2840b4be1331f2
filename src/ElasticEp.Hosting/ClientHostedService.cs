using ElasticEp.Runtime;
using Microsoft.Extensions.Hosting;

namespace ElasticEp.Hosting;

/// <summary>Starts and stops a client.</summary>
internal sealed class ClientHostedService(ClientRuntime runtime) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken) => runtime.StartAsync(cancellationToken);

    public Task StopAsync(CancellationToken cancellationToken) => runtime.DisposeAsync().AsTask();
}
