using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using ElasticEp.Samples.Serving.Messages;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Samples.Serving.Ranks;

/// <summary>
/// The serving loop of one rank: continuous batching. Requests come and go only between steps; tokens are released only when the
/// group has agreed on the step. What to do is decided by <see cref="RankServingCore"/>.
/// </summary>
internal sealed partial class RankServing : BackgroundService
{
    private const int InboxCapacity = 16_384; // what waits beyond it counts against the messenger's limit

    private static readonly TimeSpan AnnounceAgain = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ReportPeriod = TimeSpan.FromSeconds(1);

    private readonly IElasticGroup _group;
    private readonly ILogger<RankServing> _logger;
    private readonly TimeProvider _time;
    private readonly int _pages;
    private readonly RankServingCore _core;
    private readonly ModelSteps _steps;
    private readonly Channel<Action<RankServingCore>> _inbox = Channel.CreateBounded<Action<RankServingCore>>(InboxCapacity);
    private readonly ConcurrentQueue<(MemberId FrontEnd, RequestNotice[] Lost)> _unsent = new();
    private readonly ConcurrentDictionary<MemberId, bool> _frontEnds = new(); // those that are sent reports
    private readonly Lock _leaveLock = new();
    private readonly DurationHistogram _stepDurations = new();
    private readonly PacedSignal _report;
    private readonly Outbox _outbox;
    private LeaveState? _leave;
    private int _leaves;
    private volatile bool _mustAnnounce;
    private long _stepBeganAt;
    private long _completed;

    public RankServing(IElasticGroup group, IServedModel model, ServingOptions options, ILogger<RankServing> logger, TimeProvider time)
    {
        var limits = model.Limits;
        limits.Check();
        _group = group;
        _logger = logger;
        _time = time;
        _pages = limits.Pages;
        _core = new RankServingCore(limits, ServingOptions.MaxPromptTokens(options.MaxPromptTokensPerStep, limits));
        _steps = new ModelSteps(model, _core);
        _report = new PacedSignal(ReportPeriod, time);
        _outbox = new Outbox(group, OnNotSent);
    }

    /// <summary>Steps that were run here.</summary>
    public long Steps => Volatile.Read(ref _completed);

    /// <summary>Hands everything back and returns when no front end has a request here.</summary>
    public async Task LeaveAsync(TimeSpan drainTime, CancellationToken cancellationToken)
    {
        LeaveState leave;
        lock (_leaveLock)
            leave = _leave ??= new LeaveState(++_leaves);
        _group.NotifyWork();
        if (drainTime > TimeSpan.Zero)
            await Task.WhenAny(leave.Emptied.Task, Task.Delay(drainTime, _time, cancellationToken)).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested(); // it stays after all: nothing is returned to the queue
        leave.MustHandBack = true;
        _group.NotifyWork();
        // A message may be lost with its link, and a front end may vanish: it is announced again until all that are left have confirmed.
        while (await Task.WhenAny(leave.Cleared.Task, Task.Delay(AnnounceAgain, _time, cancellationToken)).ConfigureAwait(false) != leave.Cleared.Task)
        {
            cancellationToken.ThrowIfCancellationRequested();
            _mustAnnounce = true;
            _group.NotifyWork();
        }
    }

    /// <summary>The operation was rolled back: takes requests again.</summary>
    public void StayAfterAll()
    {
        lock (_leaveLock)
            _leave = null;
        _group.NotifyWork(); // the serving loop tells the front ends
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
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

            LogLeft(_group.Rank, Steps);
        }
        catch (Exception exception) when (stoppingToken.IsCancellationRequested && exception is OperationCanceledException or ObjectDisposedException)
        {
            // the host stops, and has left the group or could not
        }
        catch (ElasticEpException exception)
        {
            LogEnded(exception, _group.Rank);
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
                return await _group.RunStepAsync(run, stoppingToken).ConfigureAwait(false);
            }
            catch (StepFailedException exception)
            {
                LogStepFailed(exception, _group.Rank, exception.Step);
                _core.OnFailed(exception.InnerException?.Message ?? exception.Message);
                _steps.Drop();
                SendAll();
                if (!exception.WillRunAgain)
                    return true;
            }
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask RunAsync(ElasticStep step, CancellationToken cancellationToken)
    {
        if (_core.Current is null)
            Begin(step.MaxTokens);
        if (_core.HasWork)
            _group.NotifyWork();
        await _steps.RunAsync(step, cancellationToken).ConfigureAwait(false);
    }

    private void Begin(int maxTokens)
    {
        _stepBeganAt = _time.GetTimestamp();
        LeaveState? leave;
        lock (_leaveLock)
            leave = _leave;
        _core.OnLeave(leave?.Number ?? 0, leave?.MustHandBack ?? false);
        if (_mustAnnounce)
        {
            _mustAnnounce = false;
            _core.OnAnnounce();
        }

        while (_unsent.TryDequeue(out var unsent))
        {
            foreach (var ended in _core.OnNotSent(unsent.FrontEnd, unsent.Lost))
                LogTorn(_group.Rank, ended.Request, unsent.FrontEnd, ended.Detail);
        }

        while (_inbox.Reader.TryRead(out var happened))
            happened(_core);
        try
        {
            _steps.Begin(maxTokens);
        }
        finally
        {
            SendAll();
        }

        if (leave is not null && _core.IsEmpty)
            leave.Emptied.TrySetResult();
        if (leave is not null && _core.IsCleared)
            leave.Cleared.TrySetResult(); // otherwise the front end's answer wakes the group
    }

    /// <summary>The group has agreed on the step.</summary>
    private void Release()
    {
        if (_core.Current is not null)
        {
            _stepDurations.Add(_time.GetElapsedTime(_stepBeganAt));
            _core.OnCompleted(_steps.Output.Tokens, _steps.Misses);
            _steps.End();
            SendAll();
        }

        Volatile.Write(ref _completed, _completed + 1); // last: whoever sees the new number sees all that the step has changed
    }

    private void SendAll()
    {
        foreach (var message in _core.Outgoing)
            _outbox.Send(message.Receiver, message.Topic, message.Payload);
        _core.Outgoing.Clear();
    }

    /// <summary>The front end is gone, or its link is: it asks for what it misses. Nobody waits for its confirmation meanwhile.</summary>
    private void OnNotSent(MemberId frontEnd, int topic, ReadOnlyMemory<byte> payload, string reason)
    {
        if (_frontEnds.TryRemove(frontEnd, out _))
        {
            LogNotSent(_group.Rank, frontEnd, reason); // once: whatever else waits for it fails with it
            _outbox.Close(frontEnd);
        }

        _unsent.Enqueue((frontEnd, topic == ServingTopic.Tokens
            ? [.. TokenMessage.Decode(payload).Tokens.Select(static token => new RequestNotice(token.Request, token.Owner, "its tokens were not sent"))]
            : []));
    }
}
