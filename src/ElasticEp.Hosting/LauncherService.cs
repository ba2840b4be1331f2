using System.Threading.Channels;
using ElasticEp.Protocol;
using ElasticEp.Runtime;
using ElasticEp.Scaling;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Hosting;

/// <summary>
/// Keeps the ranks that run equal to those that the group's record wants, see <see cref="LaunchPlan"/>. Starts and stops run beside
/// each other; what becomes of them comes back as an event.
/// </summary>
internal sealed partial class LauncherService(
    string name, ElasticEpOptions options, ClientRuntime client, IRankLauncher launcher, IHostApplicationLifetime? lifetime, TimeProvider time, ILogger<LauncherService> logger) : BackgroundService
{
    private const int MaxBirthFailures = 3;

    private static readonly TimeSpan StopGrace = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan IncompleteStopGrace = TimeSpan.FromSeconds(3); // a member is not there: it may come back, mostly it will not
    private static readonly TimeSpan FirstDelay = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LastDelay = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan ReplacementDelay = TimeSpan.FromMilliseconds(500); // the others recover first: a process that starts takes processors from them
    private static readonly TimeSpan UnwantedGrace = TimeSpan.FromSeconds(2); // whoever was dismissed ends by itself, and in order
    private static readonly TimeSpan ProvenAfter = TimeSpan.FromSeconds(10); // a member that ends earlier may do so each time

    private readonly LaunchPlan _plan = new(name, options.InitialRanks, options.MaxRanks, options.Standbys);
    private readonly Channel<LauncherEvent> _events = Channel.CreateUnbounded<LauncherEvent>(new UnboundedChannelOptions { SingleReader = true });
    private readonly Dictionary<int, RunningRank> _ranks = [];
    private readonly HashSet<(string Operation, int Rank)> _failed = [];
    private readonly Dictionary<int, (int Failures, bool IsWaiting)> _delays = [];
    private readonly HashSet<int> _endedSoon = []; // ranks whose last member ended soon after it was admitted
    private GroupRecord _record = GroupRecord.Unborn;
    private bool _hasGivenUp;

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        // Members of a group that cannot end in order cannot leave either: asking them costs time and brings nothing.
        var isOrderly = client.View is not { Epoch: > 0, IsTerminal: false } || await StopGroupAsync(cancellationToken).ConfigureAwait(false);
        await base.StopAsync(cancellationToken).ConfigureAwait(false);
        var asking = isOrderly ? cancellationToken : new CancellationToken(canceled: true);
        await Task.WhenAll(_ranks.Select(entry => StopRankAsync(entry.Key, entry.Value, asking))).ConfigureAwait(false);
    }

    private async Task<bool> StopGroupAsync(CancellationToken cancellationToken)
    {
        var status = client.GetStatus();
        try
        {
            await client.StopGroupAsync(cancellationToken).WaitAsync(status.IsReady ? StopGrace : IncompleteStopGrace, time, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (Exception exception) when (exception is ElasticEpException or TimeoutException or OperationCanceledException)
        {
            LogGroupNotStopped(name, $"{exception.Message} It was {status.Phase}: {status.Detail}");
            return false;
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var watching = WatchAsync(stoppingToken);
        try
        {
            await foreach (var news in _events.Reader.ReadAllAsync(stoppingToken).ConfigureAwait(false))
            {
                Handle(news);
                Reconcile(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // the host stops
        }

        await watching.ConfigureAwait(false);
        while (_events.Reader.TryRead(out var last))
            Handle(last);
    }

    private async Task WatchAsync(CancellationToken stoppingToken)
    {
        try
        {
            await foreach (var record in client.Records.WithCancellation(stoppingToken).ConfigureAwait(false))
                Post(new LauncherEvent.Record(record));
        }
        catch (OperationCanceledException)
        {
            // the host stops
        }
    }

    private void Post(LauncherEvent news) => _events.Writer.TryWrite(news);

    private void Handle(LauncherEvent news)
    {
        switch (news)
        {
            case LauncherEvent.Record(var record):
                _record = record;
                _failed.RemoveWhere(failed => failed.Operation != record.Pending?.Id);
                NoteMembers();
                if (record is { View.Epoch: 0, Pending: null, Own.Kept: [.., { IsCompleted: false } birth] } && MayGiveUp())
                {
                    LogNotFormed(name, birth.Reason); // its first ranks have been dismissed, and no operation can bring them back
                    lifetime!.StopApplication();
                }

                break;
            case LauncherEvent.Started(var rank, var running, var handle, var failure):
                running.Handle = handle;
                if (failure is not null && Remove(rank, running))
                    OnFailed(rank, running, failure.Message);
                break;
            case LauncherEvent.Ended(var rank, var running, var how):
                if (!running.IsStopping && Remove(rank, running))
                    OnEnded(rank, running, how);
                break;
            case LauncherEvent.Stopped(var rank, var running):
                Remove(rank, running);
                break;
            case LauncherEvent.GraceOver(var running, var since):
                running.HasHadGrace |= running.UnwantedSince == since;
                break;
            case LauncherEvent.Retry(var rank):
                if (_delays.TryGetValue(rank, out var waited))
                    _delays[rank] = (waited.Failures, false);
                break;
        }
    }

    private void NoteMembers()
    {
        foreach (var member in _record.View.Members)
        {
            if (_ranks.TryGetValue(member.Rank, out var running))
                running.MemberSince ??= time.GetTimestamp();
        }
    }

    private bool Remove(int rank, RunningRank running) => _ranks.TryGetValue(rank, out var present) && present == running && _ranks.Remove(rank);

    private void Reconcile(CancellationToken stoppingToken)
    {
        foreach (var (rank, running) in _ranks)
        {
            if (LaunchPlan.IsAdopted(_record, rank, running.Operation))
            {
                LogAdopted(name, rank, _record.Pending!.Id);
                running.Operation = _record.Pending.Id;
            }

            if (running.IsStopping || running.Handle is null)
                continue;
            if (_plan.IsWanted(_record, rank, running.Operation))
                (running.UnwantedSince, running.HasHadGrace) = (null, false);
            else if (running.UnwantedSince is null)
                _ = LookAgainAsync(running, (running.UnwantedSince = time.GetTimestamp()).Value);
            else if (running.HasHadGrace)
                _ = StopRankAsync(rank, running, stoppingToken);
        }

        foreach (var launch in _plan.Wanted(_record).Where(MayStart))
        {
            var running = _ranks[launch.Rank] = new RunningRank(launch.Operation);
            LogLaunching(name, launch.Rank, launch.Operation);
            _ = LaunchAsync(launch, running, stoppingToken);
        }
    }

    private bool MayStart(RankLaunch launch) =>
        !_ranks.ContainsKey(launch.Rank)
        && !_failed.Contains((launch.Operation, launch.Rank))
        && (!_delays.GetValueOrDefault(launch.Rank).IsWaiting || !IsFree(launch));

    /// <summary>Whether no operation depends on it: it is started again when it fails, later and later.</summary>
    private bool IsFree(RankLaunch launch) => launch.Operation == LaunchPlan.Standby || _record.View.Epoch == 0;

    private async Task LaunchAsync(RankLaunch launch, RunningRank running, CancellationToken stoppingToken)
    {
        try
        {
            await Task.Yield();
            var starting = launcher.LaunchAsync(launch, stoppingToken).AsTask();
            var handle = await WithinDeadlineAsync(starting, stoppingToken).ConfigureAwait(false);
            running.Handle = handle; // at once: the service may be stopping, and takes no more events then
            Post(new LauncherEvent.Started(launch.Rank, running, handle, null));
            Post(new LauncherEvent.Ended(launch.Rank, running, await handle.Ended.ConfigureAwait(false)));
            await StopQuietlyAsync(launch.Rank, handle).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            Post(new LauncherEvent.Started(launch.Rank, running, null, exception));
        }
    }

    /// <summary>It has left by itself: what is left of its host or process is cleaned up.</summary>
    private async Task StopQuietlyAsync(int rank, ILaunchedRank handle)
    {
        try
        {
            await handle.StopAsync(CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            LogNotStopped(exception, name, rank);
        }
    }

    private async Task<ILaunchedRank> WithinDeadlineAsync(Task<ILaunchedRank> starting, CancellationToken stoppingToken)
    {
        try
        {
            return await starting.WaitAsync(options.OperationDeadline, time, stoppingToken).ConfigureAwait(false);
        }
        catch when (!starting.IsCompleted)
        {
            _ = starting.ContinueWith(static late => late.Result.DisposeAsync().AsTask(), CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
            throw;
        }
    }

    private async Task LookAgainAsync(RunningRank running, long since)
    {
        await Task.Delay(UnwantedGrace, time, CancellationToken.None).ConfigureAwait(false);
        Post(new LauncherEvent.GraceOver(running, since));
    }

    private async Task StopRankAsync(int rank, RunningRank running, CancellationToken cancellationToken)
    {
        running.IsStopping = true;
        try
        {
            if (running.Handle is { } handle)
                await handle.StopAsync(cancellationToken).AsTask().WaitAsync(StopGrace * 2, time, cancellationToken).ConfigureAwait(false);
            LogStopped(name, rank);
        }
        catch (Exception exception) when (exception is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            LogNotStopped(exception, name, rank);
        }
        catch (OperationCanceledException)
        {
            await running.Handle!.DisposeAsync().ConfigureAwait(false); // no time left to ask
        }

        Post(new LauncherEvent.Stopped(rank, running));
    }

    [LoggerMessage(2010, LogLevel.Information, "Group {Group}: starting rank {Rank} for operation {Operation}")]
    private partial void LogLaunching(string group, int rank, string operation);

    [LoggerMessage(2011, LogLevel.Information, "Group {Group}: rank {Rank} has ended")]
    private partial void LogStopped(string group, int rank);

    [LoggerMessage(2012, LogLevel.Error, "Group {Group}: rank {Rank} could not be ended")]
    private partial void LogNotStopped(Exception exception, string group, int rank);

    [LoggerMessage(2013, LogLevel.Warning, "Group {Group}: the group was not stopped in order: {Reason}")]
    private partial void LogGroupNotStopped(string group, string reason);

    [LoggerMessage(2014, LogLevel.Information, "Group {Group}: standby {Rank} is taken for operation {Operation}")]
    private partial void LogAdopted(string group, int rank, string operation);

    [LoggerMessage(2015, LogLevel.Warning, "Group {Group}: rank {Rank}, a member, {How}. The others go on without it, and another process is started in its place")]
    private partial void LogMemberEnded(string group, int rank, string how);

    [LoggerMessage(2019, LogLevel.Error, "Group {Group}: rank {Rank} has ended soon after it was admitted, as the one before it. The next process in its place is started in {Delay}; its own log says why it ends")]
    private partial void LogEndsSoon(string group, int rank, TimeSpan delay);

    [LoggerMessage(2016, LogLevel.Error, "Group {Group}: rank {Rank} could not be started: {Reason}. Trying again in {Delay}")]
    private partial void LogStartFailed(string group, int rank, string reason, TimeSpan delay);

    [LoggerMessage(2018, LogLevel.Critical, "Group {Group} could not be formed, and this host stops: {Reason}")]
    private partial void LogNotFormed(string group, string reason);

    [LoggerMessage(2017, LogLevel.Critical, "Group {Group}: rank {Rank} could not be started {Failures} times ({Reason}); the group cannot be formed and this host stops")]
    private partial void LogNotBorn(string group, int rank, int failures, string reason);
}
