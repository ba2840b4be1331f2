using System.Collections.Concurrent;
using ElasticEp.Samples.Qwen3Moe;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Samples.Server.Serving;

/// <summary>
/// The serving loop of one rank: continuous batching. Requests come and go only between steps; tokens are released only when the
/// group has agreed on the step.
/// </summary>
internal sealed partial class RankServing(IElasticGroup group, Qwen3Workload workload, ILogger<RankServing> logger) : BackgroundService
{
    private const int MaxRunning = 64;

    private static readonly TimeSpan AnnounceAgain = TimeSpan.FromSeconds(1);

    private readonly ConcurrentQueue<GroupMessage> _inbox = new();
    private readonly LinkedList<RunningRequest> _running = [];
    private readonly LinkedList<RunningRequest> _waiting = [];
    private readonly ConcurrentDictionary<int, bool> _frontEnds = new();
    private readonly Lock _leaveLock = new();
    private readonly float[] _logits = new float[workload.Model.Config.VocabularySize];
    private LeaveState? _leave;
    private Outbox? _outbox;
    private int _leaves;
    private int _announced;
    private volatile bool _mustAnnounce;
    private StepPlan? _plan;

    /// <summary>Steps that were run here.</summary>
    public long Steps { get; private set; }

    /// <summary>Hands everything back and returns when no front end has a request here.</summary>
    public async Task LeaveAsync(TimeSpan drainTime, CancellationToken cancellationToken)
    {
        LeaveState leave;
        lock (_leaveLock)
            leave = _leave ??= new LeaveState(++_leaves);
        group.NotifyWork();
        if (drainTime > TimeSpan.Zero)
            await Task.WhenAny(leave.Emptied.Task, Task.Delay(drainTime, cancellationToken)).ConfigureAwait(false);
        leave.MustHandBack = true;
        group.NotifyWork();
        // A message may be lost with its link, and a front end may vanish: it is said again until all that are left have confirmed.
        while (await Task.WhenAny(leave.Cleared.Task, Task.Delay(AnnounceAgain, cancellationToken)).ConfigureAwait(false) != leave.Cleared.Task)
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

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        workload.Attach(this);
        var reading = ReadMessagesAsync(stoppingToken);
        try
        {
            while (await RunStepAsync(stoppingToken).ConfigureAwait(false))
                Release();
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
    }

    private async Task<bool> RunStepAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            try
            {
                return await group.RunStepAsync(RunAsync, stoppingToken).ConfigureAwait(false);
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

    private async ValueTask RunAsync(ElasticStep step, CancellationToken cancellationToken)
    {
        _plan ??= PlanStep(step.MaxTokens);
        if (_plan.Requests.Count > 0)
            group.NotifyWork();
        workload.Experts.Use(step);
        await workload.Model.ForwardAsync(_plan.Chunks, workload.Workspace, workload.Experts, cancellationToken).ConfigureAwait(false);
        step.EndExchanges();
        Sample(_plan);
    }

    private void Sample(StepPlan plan)
    {
        plan.Sampled.Clear();
        var row = -1;
        for (var i = 0; i < plan.Requests.Count; i++)
        {
            var (request, chunk) = (plan.Requests[i], plan.Chunks[i]);
            row += chunk.Tokens.Length;
            if (chunk.Start + chunk.Tokens.Length < request.Tokens.Count)
            {
                plan.Sampled.Add(-1);
                continue;
            }

            workload.Model.ComputeLogits(workload.Workspace, row, _logits);
            plan.Sampled.Add(Sampler.Sample(_logits, request.Assignment.Options.Temperature, request.Assignment.Options.Seed, request.Position));
        }
    }

    /// <summary>Between two steps: takes what has arrived, hands back when leaving, and freezes the next batch.</summary>
    private StepPlan PlanStep(int maxTokens)
    {
        LeaveState? leave;
        lock (_leaveLock)
            leave = _leave;
        TakeInbox(leave);
        if (leave is { MustHandBack: true })
            HandBackAll(leave);
        while (_running.Count < MaxRunning && _waiting.First is { } next)
        {
            _waiting.RemoveFirst();
            _running.AddLast(next.Value);
        }

        if (leave is not null && _running.Count == 0)
            leave.Emptied.TrySetResult();
        return StepPlan.Of(_running, maxTokens);
    }

    private void TakeInbox(LeaveState? leave)
    {
        if (_announced != (leave?.Number ?? 0) || _mustAnnounce)
        {
            (_announced, _mustAnnounce) = (leave?.Number ?? 0, false);
            foreach (var frontEnd in _frontEnds.Keys)
                Send(frontEnd, ServingTopic.Leaving, BitConverter.GetBytes(_announced));
        }

        while (_inbox.TryDequeue(out var message))
        {
            switch (message.Topic)
            {
                case ServingTopic.Assign:
                    if (_frontEnds.TryAdd(message.Sender, true) && leave is not null)
                        Send(message.Sender, ServingTopic.Leaving, BitConverter.GetBytes(leave.Number));
                    _waiting.AddLast(new RunningRequest(Assignment.Decode(message.Payload), message.Sender, workload.Model.Config));
                    break;
                case ServingTopic.Check:
                    HandBackUnknown(message);
                    break;
                case ServingTopic.Cancel:
                    Remove(RequestNotice.Decode(message.Payload));
                    break;
                case ServingTopic.Clear:
                    leave?.Clear(message.Sender, message.Payload.Length == sizeof(int) ? BitConverter.ToInt32(message.Payload.Span) : 0);
                    break;
            }
        }
    }

    /// <summary>The front end takes these for ours. What is not here was lost on its way, or its last words were.</summary>
    private void HandBackUnknown(GroupMessage check)
    {
        foreach (var (request, owner) in RequestList.Decode(check.Payload))
        {
            if (!_running.Concat(_waiting).Any(known => known.FrontEnd == check.Sender && known.Assignment.Request == request && known.Assignment.Owner == owner))
                Send(check.Sender, ServingTopic.HandBack, new RequestNotice(request, owner, "the rank does not have it").Encode());
        }
    }

    private void HandBackAll(LeaveState leave)
    {
        foreach (var request in _running.Concat(_waiting))
            Send(request.FrontEnd, ServingTopic.HandBack, request.Notice("the rank leaves").Encode());
        _running.Clear();
        _waiting.Clear();
        if (leave.HasCleared(_frontEnds.Keys))
            leave.Cleared.TrySetResult(); // otherwise the front end's answer wakes the group
    }

    private void Remove(RequestNotice notice)
    {
        foreach (var list in (LinkedList<RunningRequest>[])[_running, _waiting])
        {
            if (list.FirstOrDefault(request => request.Assignment.Request == notice.Request && request.Assignment.Owner == notice.Owner) is { } cancelled)
                list.Remove(cancelled);
        }
    }

    /// <summary>The group has agreed on the step: its tokens go out, and ended requests leave.</summary>
    private void Release()
    {
        Steps++;
        if (_plan is not { } plan)
            return;
        _plan = null;
        var released = new Dictionary<int, List<ReleasedToken>>();
        for (var i = 0; i < plan.Requests.Count && i < plan.Sampled.Count; i++)
        {
            var request = plan.Requests[i];
            request.Computed += plan.Chunks[i].Tokens.Length;
            if (plan.Sampled[i] < 0)
                continue;
            var finish = FinishOf(request, plan.Sampled[i]);
            if (!released.TryGetValue(request.FrontEnd, out var tokens))
                released[request.FrontEnd] = tokens = [];
            tokens.Add(new ReleasedToken(request.Assignment.Request, request.Assignment.Owner, request.Position, plan.Sampled[i], finish));
            request.Tokens.Add(plan.Sampled[i]);
            if (finish != FinishReason.None)
                _running.Remove(request);
        }

        foreach (var (frontEnd, tokens) in released)
            Send(frontEnd, ServingTopic.Tokens, ReleasedToken.Encode(tokens));
    }

    private FinishReason FinishOf(RunningRequest request, int token)
    {
        if (!request.Assignment.Options.IgnoreEos && workload.Model.Config.EndTokens.Contains(token))
            return FinishReason.Stop;
        return request.Position + 1 >= request.Assignment.Options.MaxTokens ? FinishReason.Length : FinishReason.None;
    }

    private void FailPlanned(StepFailedException exception)
    {
        foreach (var request in _plan?.Requests ?? [])
        {
            Send(request.FrontEnd, ServingTopic.Failed, request.Notice(exception.InnerException?.Message ?? exception.Message).Encode());
            _running.Remove(request);
        }

        _plan = null;
    }

    private async Task ReadMessagesAsync(CancellationToken stoppingToken)
    {
        try
        {
            await foreach (var message in group.Messenger.ReadAllAsync(stoppingToken).ConfigureAwait(false))
            {
                _inbox.Enqueue(message);
                group.NotifyWork();
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or ObjectDisposedException)
        {
            // the host stops
        }
    }

    private void Send(int frontEnd, int topic, ReadOnlyMemory<byte> payload) => (_outbox ??= new Outbox(group.Messenger, OnNotSent)).Send(frontEnd, topic, payload);

    /// <summary>The front end is gone, or its link is: it asks for what it misses. Nobody waits for its confirmation meanwhile.</summary>
    private void OnNotSent(int frontEnd, int topic, ReadOnlyMemory<byte> payload, string reason)
    {
        LogNotSent(group.Rank, frontEnd, reason);
        _frontEnds.TryRemove(frontEnd, out _);
        _mustAnnounce = true; // to those that are left; the serving loop looks again whom it waits for
    }

    [LoggerMessage(3010, LogLevel.Information, "Rank {Rank} has left after {Steps} steps")]
    private partial void LogLeft(int rank, long steps);

    [LoggerMessage(3011, LogLevel.Error, "Rank {Rank} has stopped serving")]
    private partial void LogEnded(Exception exception, int rank);

    [LoggerMessage(3012, LogLevel.Error, "Rank {Rank}: the batch of step {Step} failed")]
    private partial void LogStepFailed(Exception exception, int rank, long step);

    [LoggerMessage(3013, LogLevel.Warning, "Rank {Rank}: a message to front end {FrontEnd} was not sent: {Reason}")]
    private partial void LogNotSent(int rank, int frontEnd, string reason);
}
