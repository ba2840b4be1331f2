using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace ElasticEp.Samples.Server.Serving;

/// <summary>
/// The serving loop of one rank: continuous batching. Requests come and go only between steps; tokens are released only when the
/// group has agreed on the step.
/// </summary>
internal sealed partial class RankServing(IElasticGroup group, Qwen3Workload workload, ILogger<RankServing> logger, TimeProvider time) : BackgroundService
{
    private const int InboxCapacity = 16_384; // what waits beyond it counts against the messenger's limit

    private static readonly TimeSpan AnnounceAgain = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ReportPeriod = TimeSpan.FromSeconds(1);

    private readonly Channel<(GroupMessage Message, RunningRequest? Request)> _inbox = Channel.CreateBounded<(GroupMessage, RunningRequest?)>(InboxCapacity);
    private readonly ConcurrentDictionary<MemberId, bool> _frontEnds = new();
    private readonly ConcurrentQueue<(MemberId FrontEnd, RequestNotice Notice)> _torn = new(); // requests some of whose tokens were not sent
    private readonly Lock _leaveLock = new();
    private readonly DurationHistogram _stepDurations = new();
    private readonly PacedSignal _report = new(ReportPeriod, time);
    private LeaveState? _leave;
    private Outbox? _outbox;
    private int _leaves;
    private int _announced;
    private volatile bool _mustAnnounce;
    private long _stepBeganAt;
    private long _steps;

    /// <summary>Steps that were run here.</summary>
    public long Steps => Volatile.Read(ref _steps);

    /// <summary>Hands everything back and returns when no front end has a request here.</summary>
    public async Task LeaveAsync(TimeSpan drainTime, CancellationToken cancellationToken)
    {
        LeaveState leave;
        lock (_leaveLock)
            leave = _leave ??= new LeaveState(++_leaves);
        group.NotifyWork();
        if (drainTime > TimeSpan.Zero)
            await Task.WhenAny(leave.Emptied.Task, Task.Delay(drainTime, time, cancellationToken)).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested(); // it stays after all: nothing is returned to the queue
        leave.MustHandBack = true;
        group.NotifyWork();
        // A message may be lost with its link, and a front end may vanish: it is said again until all that are left have confirmed.
        while (await Task.WhenAny(leave.Cleared.Task, Task.Delay(AnnounceAgain, time, cancellationToken)).ConfigureAwait(false) != leave.Cleared.Task)
        {
            cancellationToken.ThrowIfCancellationRequested();
            _mustAnnounce = true;
            group.NotifyWork();
        }
    }

    /// <summary>The operation was rolled back: takes requests again.</summary>
    public void StayAfterAll()
    {
        lock (_leaveLock)
            _leave = null;
        group.NotifyWork(); // the serving loop tells the front ends
    }

    public override void Dispose()
    {
        base.Dispose();
        foreach (var request in _running.Concat(_waiting))
            request.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        workload.Attach(this);
        _outbox = new Outbox(group.Messenger, OnNotSent);
        var reading = ReadMessagesAsync(stoppingToken);
        var reporting = ReportAsync(stoppingToken);
        Func<ElasticStep, CancellationToken, ValueTask> run = RunAsync; // one object for all steps
        try
        {
            while (await RunStepAsync(run, stoppingToken).ConfigureAwait(false))
            {
                Release();
                _report.Set();
            }

            LogLeft(group.Rank, Steps);
        }
        catch (Exception exception) when (stoppingToken.IsCancellationRequested && exception is OperationCanceledException or ObjectDisposedException)
        {
            // the host stops, and has left the group or could not
        }
        catch (ElasticEpException exception)
        {
            LogEnded(exception, group.Rank);
        }

        await reading.ConfigureAwait(false);
        await reporting.ConfigureAwait(false);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<bool> RunStepAsync(Func<ElasticStep, CancellationToken, ValueTask> run, CancellationToken stoppingToken)
    {
        while (true)
        {
            try
            {
                return await group.RunStepAsync(run, stoppingToken).ConfigureAwait(false);
            }
            catch (StepFailedException exception)
            {
                LogStepFailed(exception, group.Rank, exception.Step);
                FailPlanned(exception);
                if (!exception.WillRunAgain)
                    return true;
            }
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask RunAsync(ElasticStep step, CancellationToken cancellationToken)
    {
        if (!_isPlanned)
        {
            _stepBeganAt = time.GetTimestamp();
            PlanStep(step.MaxTokens);
        }

        if (_plan.Requests.Count > 0)
            group.NotifyWork();
        workload.Experts.Use(step);
        await workload.Model.ForwardAsync(_plan.Chunks, workload.Workspace, workload.Experts, cancellationToken).ConfigureAwait(false);
        step.EndExchanges();
        _plan.FindMisses(step);
        Sample();
    }

    private async Task ReadMessagesAsync(CancellationToken stoppingToken)
    {
        try
        {
            await foreach (var message in group.Messenger.ReadAllAsync(stoppingToken).ConfigureAwait(false))
            {
                if (_frontEnds.TryAdd(message.Sender, true))
                    _mustAnnounce = true;
                if (message.Topic == ServingTopic.LeavingCheck)
                {
                    _mustAnnounce = true;
                    group.NotifyWork();
                    continue;
                }

                if (message.Topic == ServingTopic.Check && message.Payload.IsEmpty)
                {
                    _report.Set(); // it only says that it is there, and has no report
                    continue;
                }

                await TakeAsync(message, stoppingToken).ConfigureAwait(false);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or ObjectDisposedException)
        {
            // the host stops
        }
    }

    /// <summary>Queues a message for the next step. What is malformed ends here, and not in a step.</summary>
    private async ValueTask TakeAsync(GroupMessage message, CancellationToken stoppingToken)
    {
        try
        {
            var request = message.Topic == ServingTopic.Assign ? new RunningRequest(Assignment.Decode(message.Payload), message.Sender) : null;
            if (message.Topic == ServingTopic.Cancel)
                RequestNotice.Decode(message.Payload);
            await _inbox.Writer.WriteAsync((message, request), stoppingToken).ConfigureAwait(false);
            group.NotifyWork();
        }
        catch (FormatException exception)
        {
            LogMalformed(group.Rank, message.Topic, message.Sender, exception.Message);
        }
    }

    private void Send(MemberId frontEnd, int topic, ReadOnlyMemory<byte> payload) => _outbox!.Send(frontEnd, topic, payload);

    /// <summary>The front end is gone, or its link is: it asks for what it misses. Nobody waits for its confirmation meanwhile.</summary>
    private void OnNotSent(MemberId frontEnd, int topic, ReadOnlyMemory<byte> payload, string reason)
    {
        if (_frontEnds.TryRemove(frontEnd, out _))
        {
            LogNotSent(group.Rank, frontEnd, reason); // once: whatever else waits for it fails with it
            _outbox!.Close(frontEnd);
        }

        if (topic == ServingTopic.Tokens)
        {
            foreach (var token in ReleasedToken.Decode(payload))
                _torn.Enqueue((frontEnd, new RequestNotice(token.Request, token.Owner, "its tokens were not sent")));
        }

        _mustAnnounce = true; // to those that are left; the serving loop looks again whom it waits for
    }

    [LoggerMessage(3010, LogLevel.Information, "Rank {Rank} has left after {Steps} steps")]
    private partial void LogLeft(int rank, long steps);

    [LoggerMessage(3011, LogLevel.Error, "Rank {Rank} has stopped serving")]
    private partial void LogEnded(Exception exception, int rank);

    [LoggerMessage(3012, LogLevel.Error, "Rank {Rank}: the batch of step {Step} failed")]
    private partial void LogStepFailed(Exception exception, int rank, long step);

    [LoggerMessage(3014, LogLevel.Warning, "Rank {Rank}: a message {Topic} of {FrontEnd} is malformed and was dropped: {Reason}")]
    private partial void LogMalformed(int rank, int topic, MemberId frontEnd, string reason);

    [LoggerMessage(3013, LogLevel.Warning, "Rank {Rank}: front end {FrontEnd} is given up until it is heard of again, a message to it was not sent: {Reason}")]
    private partial void LogNotSent(int rank, MemberId frontEnd, string reason);

    [LoggerMessage(3015, LogLevel.Information, "Rank {Rank}: request {Request} of front end {FrontEnd} ends here: {Reason}")]
    private partial void LogTorn(int rank, long request, MemberId frontEnd, string reason);
}
