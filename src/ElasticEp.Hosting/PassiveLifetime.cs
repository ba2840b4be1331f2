using Microsoft.Extensions.Hosting;

namespace ElasticEp.Hosting;

/// <summary>The lifetime of a rank's host inside another host: it listens to no signals, its launcher stops it.</summary>
internal sealed class PassiveLifetime : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
