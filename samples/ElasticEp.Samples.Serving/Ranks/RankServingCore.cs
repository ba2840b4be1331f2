using ElasticEp.Samples.Serving.Messages;

namespace ElasticEp.Samples.Serving.Ranks;

/// <summary>
/// All that a rank decides about requests: (state, event) → (state, messages, changes of slots). It owns no thread, clock, task or lock. Events come
/// between two steps, but for <see cref="PlanAhead"/>.
/// </summary>
internal sealed partial class RankServingCore(ModelLimits limits, int maxPromptTokens)
{
    private readonly Scheduler _scheduler = new(limits, maxPromptTokens);
    private readonly BatchHalving<RunningRequest> _halving = new();
    private readonly Dictionary<MemberId, FrontEndState> _frontEnds = [];
    private readonly HashSet<MemberId> _cleared = []; // front ends that have confirmed this leave
    private readonly long[] _stepTokens = new long[limits.Rows + 1];
    private StepPlan? _ahead;
    private int _leave;
    private int _announcedLeave;
    private bool _mustHandBack;
    private bool _mustAnnounce;

    /// <summary>Messages to send, in order. Whoever has sent them clears the list.</summary>
    public List<OutgoingMessage> Outgoing { get; } = [];

    /// <summary>Slots that the model opens or closes before it prepares the next step, in order. Whoever has done it clears the list.</summary>
    public List<SlotChange> Changes => _scheduler.Changes;

    /// <summary>The step that is run, or was failed to run; null between steps.</summary>
    public StepPlan? Current { get; private set; }

    /// <summary>Cost of the step that is run.</summary>
    public double Cost => Current?.Batch.Chunks.Sum(chunk => limits.Cost.Of(chunk.Start, chunk.Count)) ?? 0;

    /// <summary>Whether another step is needed.</summary>
    public bool HasWork => Current is { Requests.Count: > 0 };

    /// <summary>Whether nothing runs here any more.</summary>
    public bool IsEmpty => _scheduler.Running == 0;

    /// <summary>Whether it has handed everything back, and no front end that it knows takes a request for its own.</summary>
    public bool IsCleared => _mustHandBack && _frontEnds.All(frontEnd => frontEnd.Value.IsLost || _cleared.Contains(frontEnd.Key));

    public bool IsLeaving => _announcedLeave != 0;

    public int Running => _scheduler.Running;

    public int Waiting => _scheduler.Waiting;

    public int FreePages => _scheduler.FreePages;

    /// <summary>Number of the oldest request that it has; null when it has none.</summary>
    public long? Oldest => _scheduler.Requests.Min()?.Assignment.Request;

    /// <summary>All requests that it has, with their owner numbers.</summary>
    public IEnumerable<(long Request, int Owner)> Requests => _scheduler.Requests.Select(static request => (request.Assignment.Request, request.Assignment.Owner));

    public long PromptTokens { get; private set; }

    public long GeneratedTokens { get; private set; }

    /// <summary>Steps by their tokens.</summary>
    public ReadOnlySpan<long> StepTokens => _stepTokens;

    /// <summary>The rank leaves, or stays after all.</summary>
    /// <param name="leave">Number of the leave; 0 when it stays.</param>
    /// <param name="mustHandBack">Whether drain time is over.</param>
    public void OnLeave(int leave, bool mustHandBack)
    {
        if (leave != _leave)
            _cleared.Clear();
        _leave = leave;
        _mustHandBack = mustHandBack;
    }

    /// <summary>Front ends get to know again whether it leaves.</summary>
    public void OnAnnounce() => _mustAnnounce = true;

    /// <summary>A front end has sent something.</summary>
    public void OnContact(MemberId frontEnd)
    {
        if (_frontEnds.TryGetValue(frontEnd, out var state) && !state.IsLost)
            return;
        _mustAnnounce = true;
        state = FrontEnd(frontEnd);
        state.IsLost = false;
        state.Stated = null;
    }

    public void OnAssigned(MemberId frontEnd, Assignment assignment)
    {
        if (_leave != 0)
            Send(frontEnd, ServingTopic.Leaving, BitConverter.GetBytes(_leave));
        FrontEnd(frontEnd).Assigned = assignment.Number;
        if (_scheduler.Find(frontEnd, assignment.Request) is { } earlier)
            End(earlier);
        if (assignment.Prompt.Length + (long)assignment.Options.MaxTokens > limits.Positions)
            Send(frontEnd, ServingTopic.Failed, new RequestNotice(assignment.Request, assignment.Owner, $"A sequence of {assignment.Prompt.Length} + {assignment.Options.MaxTokens} tokens does not fit this rank, which has room for {limits.Positions}. Give all workers the same --max-model-len.").Encode());
        else
            _scheduler.Add(new RunningRequest(assignment, frontEnd));
    }

    public void OnCancelled(MemberId frontEnd, in RequestNotice notice)
    {
        if (_scheduler.Find(frontEnd, notice.Request, notice.Owner) is { } request)
            End(request);
    }

    /// <summary>The front end takes these for ours. What is not here was lost on its way, or the last message about it was.</summary>
    public void OnChecked(MemberId frontEnd, IEnumerable<(long Request, int Owner)> requests)
    {
        foreach (var (request, owner) in requests)
        {
            if (_scheduler.Find(frontEnd, request, owner) is null)
                Send(frontEnd, ServingTopic.HandBack, new RequestNotice(request, owner, "the rank does not have it").Encode());
        }
    }

    /// <summary>A front end confirms a leave.</summary>
    public void OnCleared(MemberId frontEnd, int leave)
    {
        if (leave == _leave && leave != 0)
            _cleared.Add(frontEnd);
    }

    /// <summary>A front end could not be reached. What follows lost tokens is of no use: it is gone, or gives the request to a new owner.</summary>
    /// <param name="frontEnd">The front end; nobody waits for its confirmation.</param>
    /// <param name="lost">Requests whose tokens were lost.</param>
    /// <returns>Requests that ended here for it.</returns>
    public IReadOnlyList<RequestNotice> OnNotSent(MemberId frontEnd, IReadOnlyList<RequestNotice> lost)
    {
        FrontEnd(frontEnd).IsLost = true;
        _mustAnnounce = true; // to those that are left; the serving loop looks again whom it waits for
        var ended = new List<RequestNotice>();
        foreach (var notice in lost)
        {
            if (_scheduler.Find(frontEnd, notice.Request, notice.Owner) is not { } request)
                continue;
            End(request);
            Send(frontEnd, ServingTopic.HandBack, notice.Encode());
            ended.Add(notice);
        }

        return ended;
    }

    /// <summary>Between two steps: hands back when leaving, admits, and freezes the next batch, unless one was planned ahead.</summary>
    /// <returns>Whether the batch is another one than <see cref="PlanAhead"/> has given.</returns>
    public bool Plan(int maxTokens)
    {
        Announce();
        if (_mustHandBack)
            HandBackAll();
        _scheduler.Admit();
        var isNew = _ahead is null;
        Current = _ahead ?? _scheduler.Plan(Math.Min(maxTokens, limits.Rows), _halving.IsLooking ? _halving.Next : null);
        _ahead = null;
        foreach (var request in _scheduler.Preempted)
        {
            _halving.Remove(request);
            Send(request.FrontEnd, ServingTopic.HandBack, request.Notice("older requests need its pages of the cache").Encode());
        }

        _scheduler.Preempted.Clear();
        SendBegun(Current);
        return isNew;
    }

    /// <summary>While a step runs: freezes the one after it, where the model can take it now. It stays the same for all attempts of the step that runs.</summary>
    public StepPlan? PlanAhead(int maxTokens)
    {
        if (_ahead is null && limits.StepsInFlight > 1 && !_halving.IsLooking && !_mustHandBack)
            _ahead = _scheduler.PlanAhead(Math.Min(maxTokens, limits.Rows));
        return _ahead;
    }

    private FrontEndState FrontEnd(MemberId frontEnd)
    {
        if (!_frontEnds.TryGetValue(frontEnd, out var state))
            _frontEnds.Add(frontEnd, state = new FrontEndState());
        return state;
    }

    private void HandBackAll()
    {
        foreach (var request in _scheduler.Requests.Order().ToArray())
        {
            Send(request.FrontEnd, ServingTopic.HandBack, request.Notice("the rank leaves").Encode());
            End(request);
        }

        _halving.Clear();
    }

    private void End(RunningRequest request)
    {
        _halving.Remove(request);
        _scheduler.Remove(request);
    }

    private void Announce()
    {
        if (_announcedLeave == _leave && !_mustAnnounce)
            return;
        _announcedLeave = _leave;
        _mustAnnounce = false;
        foreach (var (frontEnd, state) in _frontEnds)
        {
            if (!state.IsLost)
                Send(frontEnd, ServingTopic.Leaving, BitConverter.GetBytes(_leave));
        }
    }

    /// <summary>Sent before the step: when it ends this process, the front ends know which requests ran.</summary>
    private void SendBegun(StepPlan plan)
    {
        if (plan.Requests.All(static request => request.HasBegun))
            return;
        foreach (var requests in plan.Requests.Where(static request => !request.HasBegun).GroupBy(static request => request.FrontEnd))
        {
            foreach (var request in requests)
                request.HasBegun = true;
            Send(requests.Key, ServingTopic.Begun, RequestList.Encode([.. requests.Select(static request => (request.Assignment.Request, request.Assignment.Owner))]));
        }
    }

    private void Send(MemberId frontEnd, int topic, ReadOnlyMemory<byte> payload) => Outgoing.Add(new OutgoingMessage(frontEnd, topic, payload));
}
