using System.Collections.Concurrent;
using System.Threading.Channels;
using ElasticEp.Protocol;
using ElasticEp.Runtime;
using ElasticEp.Scaling;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Hosting.Launching;

/// <summary>
/// The driver of <see cref="LaunchCore"/>: shows it the record, starts and stops ranks beside each other, and posts what becomes of them.
/// </summary>
internal sealed partial class LauncherService(
    string name, ElasticEpOptions options, ClientRuntime client, IRankLauncher launcher, IHostApplicationLifetime? lifetime, TimeProvider time, ILogger<LauncherService> logger) : BackgroundService
{
    private static readonly TimeSpan StopGrace = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan IncompleteStopGrace = TimeSpan.FromSeconds(3); // a member is not there: it may come back, mostly it will not
    private static readonly TimeSpan StopLookInterval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(1); // a timer takes no more than 49 days

    private readonly LaunchCore _core = new(new LaunchPlan(name, options.InitialRanks, options.MaxRanks, options.Standbys), options.OperationDeadline);
    private readonly Channel<LaunchEvent> _events = Channel.CreateUnbounded<LaunchEvent>(new UnboundedChannelOptions { SingleReader = true });
    private readonly ConcurrentDictionary<long, Launched> _launched = new();
    private readonly long _startedAt = time.GetTimestamp();

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        Post(new LaunchEvent.HostStops());
        // Members of a group that cannot be shut down cleanly cannot leave either: asking them costs time and brings nothing.
        var isClean = client.View is not { Epoch: > 0, IsTerminal: false } || await StopGroupAsync(cancellationToken).ConfigureAwait(false);
        await base.StopAsync(cancellationToken).ConfigureAwait(false);
        var asking = isClean ? cancellationToken : new CancellationToken(canceled: true);
        foreach (var launched in _launched.Values)
            await launched.Starting.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_launched.Values.Select(launched => EndAsync(launched, asking))).ConfigureAwait(false);
    }

    private async Task<bool> StopGroupAsync(CancellationToken cancellationToken)
    {
        try
        {
            await WaitForEndAsync(client.StopGroupAsync(cancellationToken), cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (Exception exception) when (exception is ElasticEpException or TimeoutException or OperationCanceledException)
        {
            var status = client.GetStatus();
            LogGroupNotStopped(name, $"{exception.Message} It is {status.Phase}: {status.Detail}");
            return false;
        }
    }

    /// <summary>Waits for the end of the group, and for less long while it does not get on: its members may be ending by themselves.</summary>
    private async Task WaitForEndAsync(Task stopping, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        long? incompleteSince = null;
        while (await Task.WhenAny(stopping, Task.Delay(StopLookInterval, time, cancellationToken)).ConfigureAwait(false) != stopping)
        {
            cancellationToken.ThrowIfCancellationRequested();
            incompleteSince = client.GetStatus().IsReady ? null : incompleteSince ?? time.GetTimestamp();
            if (time.GetElapsedTime(started) >= StopGrace || (incompleteSince is { } since && time.GetElapsedTime(since) >= IncompleteStopGrace))
                throw new TimeoutException($"It has not ended within {time.GetElapsedTime(started).TotalSeconds:F0} s.");
        }

        await stopping.ConfigureAwait(false);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        client.Registered = process => Post(new LaunchEvent.Registered(process));
        var watching = WatchAsync(stoppingToken);
        await using var timer = time.CreateTimer(_ => Post(new LaunchEvent.Tick()), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        try
        {
            await foreach (var e in _events.Reader.ReadAllAsync(stoppingToken).ConfigureAwait(false))
                Handle(e, timer, stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // the host stops
        }

        await watching.ConfigureAwait(false);
    }

    private async Task WatchAsync(CancellationToken stoppingToken)
    {
        try
        {
            await foreach (var record in client.Records.WithCancellation(stoppingToken).ConfigureAwait(false))
                Post(new LaunchEvent.Record(record));
        }
        catch (OperationCanceledException)
        {
            // the host stops
        }
    }

    private void Post(LaunchEvent e) => _events.Writer.TryWrite(e);

    private void Handle(LaunchEvent e, ITimer timer, CancellationToken stoppingToken)
    {
        var effects = new List<LaunchEffect>();
        var now = time.GetElapsedTime(_startedAt);
        _core.Handle(e, now, effects);
        timer.Change(_core.WakeAt is { } at ? TimeSpan.FromTicks(Math.Clamp((at - now).Ticks, 0, LongestWait.Ticks)) : Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        foreach (var effect in effects)
            Apply(effect, stoppingToken);
    }

    private void Apply(LaunchEffect effect, CancellationToken stoppingToken)
    {
        switch (effect)
        {
            case LaunchEffect.Start start:
                LogLaunching(name, start.Rank.Rank, start.Rank.Operation);
                Start(start);
                break;
            case LaunchEffect.Cancel cancel when _launched.TryGetValue(cancel.Launch, out var launched):
                LogCancelled(name, cancel.Rank);
                _ = launched.Starting.CancelAsync();
                break;
            case LaunchEffect.Stop stop:
                _ = StopRankAsync(stop, stoppingToken);
                break;
            case LaunchEffect.ReportLaunchFailure report:
                client.ReportLaunchFailure(report.Coordinator, new LaunchFailedMessage(report.Operation, report.Rank, report.Reason));
                break;
            case LaunchEffect.ReportProcessEnded report:
                LogMemberEnded(name, report.Rank, report.How);
                if (report.ProcessId is { } process)
                    client.ReportProcessEnded(report.Rank, process, report.How);
                break;
            case LaunchEffect.GiveUp give:
                LogNotFormed(name, give.Reason);
                lifetime?.StopApplication();
                break;
            default:
                Log(effect);
                break;
        }
    }

    private void Start(LaunchEffect.Start start)
    {
        var starting = new CancellationTokenSource();
        var launched = _launched[start.Launch] = new Launched(start.Rank.Rank, start.Launch, starting, StartAsync(start.Rank, starting.Token));
        _ = RunAsync(launched);
    }

    private async Task<ILaunchedRank> StartAsync(RankLaunch rank, CancellationToken cancellationToken)
    {
        await Task.Yield();
        var starting = launcher.LaunchAsync(rank, cancellationToken).AsTask();
        try
        {
            return await starting.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            _ = starting.ContinueWith(static late => late.Result.DisposeAsync().AsTask(), CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
            throw;
        }
    }

    /// <summary>Follows a launch to its end.</summary>
    private async Task RunAsync(Launched launched)
    {
        try
        {
            var rank = await launched.Started.ConfigureAwait(false);
            Post(new LaunchEvent.Started(launched.Rank, launched.Launch));
            var how = await EndedAsync(rank).ConfigureAwait(false);
            Post(new LaunchEvent.Ended(launched.Rank, launched.Launch, rank.ProcessId, how));
            await StopAsync(rank, CancellationToken.None).ConfigureAwait(false); // what is left of its host or process is cleaned up
        }
        catch (Exception exception) when (!launched.Started.IsCompletedSuccessfully)
        {
            Post(new LaunchEvent.Failed(launched.Rank, launched.Launch, exception.Message));
        }
        catch (Exception exception)
        {
            LogNotStopped(exception, name, launched.Rank);
        }

        _launched.TryRemove(launched.Launch, out _);
    }

    /// <summary>An app's own launcher may let it fault, in spite of the contract.</summary>
    private static async Task<string> EndedAsync(ILaunchedRank rank)
    {
        try
        {
            return await rank.Ended.ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            return $"failed: {exception.Message}";
        }
    }

    private async Task StopRankAsync(LaunchEffect.Stop stop, CancellationToken cancellationToken)
    {
        var failure = _launched.TryGetValue(stop.Launch, out var launched) ? await EndAsync(launched, cancellationToken).ConfigureAwait(false) : null;
        Post(new LaunchEvent.Stopped(stop.Rank, stop.Launch, failure));
    }

    /// <summary>Stops what was started, or is being started. Returns why it could not be stopped, or null.</summary>
    private async Task<string?> EndAsync(Launched launched, CancellationToken cancellationToken)
    {
        try
        {
            var rank = await launched.Started.ConfigureAwait(false);
            await StopAsync(rank, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (launched.Started is { IsCompletedSuccessfully: true, Result.Ended.IsCompleted: false })
        {
            LogNotStopped(exception, name, launched.Rank);
            return exception is TimeoutException ? $"it has not ended within {StopGrace * 3}" : exception.Message;
        }
        catch (Exception)
        {
            // it was never started, or has ended meanwhile
        }

        return null;
    }

    private async Task StopAsync(ILaunchedRank rank, CancellationToken cancellationToken)
    {
        try
        {
            await rank.StopAsync(cancellationToken).AsTask().WaitAsync(StopGrace * 2, time, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is TimeoutException || (exception is OperationCanceledException && cancellationToken.IsCancellationRequested))
        {
            await rank.DisposeAsync().AsTask().WaitAsync(StopGrace, time, CancellationToken.None).ConfigureAwait(false); // no time left to ask
        }
    }

    /// <summary>A rank that was started, or is being started.</summary>
    /// <param name="Rank">Its number.</param>
    /// <param name="Launch">Number of the launch.</param>
    /// <param name="Starting">Cancels the start.</param>
    /// <param name="Started">Completes when it runs.</param>
    private sealed record Launched(int Rank, long Launch, CancellationTokenSource Starting, Task<ILaunchedRank> Started);
}
