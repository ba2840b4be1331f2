using System.Runtime.InteropServices;
using ElasticEp.Runtime;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Hosting;

/// <summary>
/// SIGUSR1 has the ranks of this process write down what they saw and did last. A process that holds no rank takes it too: not taken, the
/// signal ends a process.
/// </summary>
internal sealed partial class DumpSignal(IServiceProvider provider, IEnumerable<GroupRegistration> groups, ILogger<DumpSignal> logger) : IHostedService, IDisposable
{
    private readonly RankRuntime[] _ranks = [.. groups.Where(group => !group.IsClient).Select(group => provider.GetRequiredKeyedService<RankRuntime>(group.Name))];
    private PosixSignalRegistration? _registration;

    /// <summary>SIGUSR1 of Linux, which .NET has no name for; null elsewhere, where the runtime may use it itself.</summary>
    public static PosixSignal? Signal => OperatingSystem.IsLinux() ? (PosixSignal)10 : null;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (Signal is { } signal)
        {
            _registration = PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = true;
                foreach (var rank in _ranks)
                    _ = DumpAsync(rank);
            });
        }

        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => _registration?.Dispose();

    private async Task DumpAsync(RankRuntime rank)
    {
        try
        {
            await rank.DumpAsync().ConfigureAwait(false);
        }
        catch (TimeoutException exception)
        {
            LogStuck(rank.Name, rank.Rank, exception.Message);
        }
        catch (ObjectDisposedException)
        {
            LogEnded(rank.Name, rank.Rank);
        }
    }

    [LoggerMessage(2030, LogLevel.Warning, "Group {Group}: rank {Rank} did not write what it saw and did: {Reason} It handles no events, or the disk does not answer; look at the stacks of its process")]
    private partial void LogStuck(string group, int rank, string reason);

    [LoggerMessage(2031, LogLevel.Information, "Group {Group}: rank {Rank} has ended, and writes what it saw and did no more")]
    private partial void LogEnded(string group, int rank);
}
