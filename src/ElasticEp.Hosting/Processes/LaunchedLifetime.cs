using System.Runtime.InteropServices;
using Microsoft.Extensions.Hosting;

namespace ElasticEp.Hosting.Processes;

/// <summary>
/// The lifetime of a worker that this library's launcher has started: SIGTERM, which the launcher sends, stops it. Ctrl-C in a terminal
/// reaches every process there; the parent shuts its workers down cleanly, and a worker that left by itself would be in its way.
/// </summary>
internal sealed class LaunchedLifetime(IHostApplicationLifetime lifetime) : IHostLifetime, IDisposable
{
    private PosixSignalRegistration? _terminate;

    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        _terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
        {
            context.Cancel = true;
            lifetime.StopApplication();
        });
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => _terminate?.Dispose();
}
