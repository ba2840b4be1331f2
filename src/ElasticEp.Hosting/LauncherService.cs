using ElasticEp.Membership;
using ElasticEp.Runtime;
using ElasticEp.Scaling;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Hosting;

/// <summary>
/// Keeps the ranks that run equal to those that the group's record wants: its members and the joiners of its operation. It looks
/// at the newest record only, so it does not matter which ones it missed.
/// </summary>
internal sealed partial class LauncherService(
    string name, ElasticEpOptions options, ClientRuntime client, IRankLauncher launcher, TimeProvider time, ILogger<LauncherService> logger) : BackgroundService
{
    private static readonly TimeSpan StopGrace = TimeSpan.FromSeconds(30);

    private readonly Dictionary<int, string> _running = []; // rank → the operation that it was started for
    private readonly HashSet<(string Operation, int Rank)> _failed = [];

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        if (client.View is { Epoch: > 0, IsTerminal: false })
        {
            try
            {
                await client.StopGroupAsync(cancellationToken).WaitAsync(StopGrace, time, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is ElasticEpException or TimeoutException or OperationCanceledException)
            {
                LogGroupNotStopped(name, exception.Message);
            }
        }

        await base.StopAsync(cancellationToken).ConfigureAwait(false);
        await Task.WhenAll(_running.Keys.ToArray().Select(rank => StopRankAsync(rank, cancellationToken))).ConfigureAwait(false);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await foreach (var record in client.Records.WithCancellation(stoppingToken).ConfigureAwait(false))
                await ReconcileAsync(record, stoppingToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // the host stops
        }
    }

    private async Task ReconcileAsync(GroupRecord record, CancellationToken stoppingToken)
    {
        _failed.RemoveWhere(failed => failed.Operation != record.Pending?.Id);
        foreach (var (rank, _) in _running.Where(entry => !IsWanted(record, entry.Key, entry.Value)).ToArray())
            await StopRankAsync(rank, stoppingToken).ConfigureAwait(false);
        foreach (var launch in Wanted(record).Where(launch => !_running.ContainsKey(launch.Rank) && !_failed.Contains((launch.Operation, launch.Rank))))
            await LaunchAsync(launch, stoppingToken).ConfigureAwait(false);
    }

    /// <summary>A member, a leaver that is still needed, or a joiner that was started for this very operation.</summary>
    private static bool IsWanted(GroupRecord record, int rank, string operation) =>
        record.View.Contains(rank)
        || (record.Pending is { } pending && (pending.Leavers.Contains(rank) || (pending.Joiners.Contains(rank) && pending.Id == operation)))
        || (record.View.Epoch == 0 && record.Last is null);

    private IEnumerable<RankLaunch> Wanted(GroupRecord record)
    {
        if (record.View.IsTerminal)
            return [];
        if (record is { View.Epoch: 0, Last: null })
            return Enumerable.Range(0, options.InitialRanks).Select(rank => new RankLaunch(name, rank, record.Pending?.Id ?? "birth"));
        return record.Pending is { IsCommitted: false } pending ? pending.Joiners.Select(rank => new RankLaunch(name, rank, pending.Id)) : [];
    }

    private async Task LaunchAsync(RankLaunch launch, CancellationToken stoppingToken)
    {
        try
        {
            LogLaunching(name, launch.Rank, launch.Operation);
            await launcher.LaunchAsync(launch, stoppingToken).AsTask().WaitAsync(options.OperationDeadline, time, stoppingToken).ConfigureAwait(false);
            _running[launch.Rank] = launch.Operation;
        }
        catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
        {
            _failed.Add((launch.Operation, launch.Rank));
            client.ReportLaunchFailure(launch.Operation, launch.Rank, exception.Message);
        }
    }

    private async Task StopRankAsync(int rank, CancellationToken cancellationToken)
    {
        _running.Remove(rank);
        try
        {
            await launcher.StopAsync(rank, cancellationToken).AsTask().WaitAsync(StopGrace, time, cancellationToken).ConfigureAwait(false);
            LogStopped(name, rank);
        }
        catch (Exception exception) when (exception is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            LogNotStopped(exception, name, rank);
        }
    }

    [LoggerMessage(2010, LogLevel.Information, "Group {Group}: starting rank {Rank} for operation {Operation}")]
    private partial void LogLaunching(string group, int rank, string operation);

    [LoggerMessage(2011, LogLevel.Information, "Group {Group}: rank {Rank} has ended")]
    private partial void LogStopped(string group, int rank);

    [LoggerMessage(2012, LogLevel.Error, "Group {Group}: rank {Rank} could not be ended")]
    private partial void LogNotStopped(Exception exception, string group, int rank);

    [LoggerMessage(2013, LogLevel.Warning, "Group {Group}: the group was not stopped in order: {Reason}")]
    private partial void LogGroupNotStopped(string group, string reason);
}
