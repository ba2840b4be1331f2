using System.Collections.Concurrent;
using ElasticEp.Hosting;
using ElasticEp.Hosting.Processes;
using ElasticEp.Scaling;

namespace ElasticEp.Samples.Tests.Processes;

/// <summary>Starts the server's worker processes, except those that a test spoils.</summary>
internal sealed class FaultyLauncher(string[] args, Func<IEnumerable<IWorkerEnvironment>> environments, Action<string> log) : IRankLauncher, IWorkerOutput
{
    /// <summary>Spoils the options of a launch.</summary>
    public Action<RankLaunch, LocalProcessLauncherOptions>? Spoil { get; set; }

    /// <summary>The process that was started last on each rank.</summary>
    public ConcurrentDictionary<int, WorkerProcess> Processes { get; } = new();

    public async ValueTask<ILaunchedRank> LaunchAsync(RankLaunch launch, CancellationToken cancellationToken)
    {
        var options = new LocalProcessLauncherOptions { FileName = ProcessServer.Executable, Arguments = args, StopTimeout = TimeSpan.FromSeconds(5) };
        Spoil?.Invoke(launch, options);
        var started = await new LocalProcessLauncher(options, environments(), this, TimeProvider.System).LaunchAsync(launch, cancellationToken);
        Processes[launch.Rank] = (WorkerProcess)started;
        return started;
    }

    public void Write(int rank, bool isError, string line) => log($"[rank {rank}] {line}");
}
