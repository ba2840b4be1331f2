using ElasticEp.Samples.Serving.Messages;

namespace ElasticEp.Samples.Serving.Ranks;

/// <summary>
/// Which of a rank's requests run, what a step computes of each, and which slots and pages they have. The older a request is, the less can be
/// taken from it: pages are taken from the youngest, which goes back to its front end, so the oldest always gets on.
/// </summary>
internal sealed class Scheduler
{
    private readonly ModelLimits _limits;
    private readonly int _maxPromptTokens;
    private readonly PagePool _pages;
    private readonly Stack<int> _slots;
    private readonly List<RunningRequest> _running = []; // the oldest first
    private readonly SortedSet<RunningRequest> _waiting = [];
    private readonly Dictionary<(MemberId FrontEnd, long Request), RunningRequest> _requests = [];
    private readonly List<(RunningRequest Request, int Count)> _chosen = [];

    /// <param name="limits">What the model has room for.</param>
    /// <param name="maxPromptTokens">Most prompt tokens of a step, the same on all ranks, so that none waits for another's prompts.</param>
    public Scheduler(ModelLimits limits, int maxPromptTokens)
    {
        _limits = limits;
        _maxPromptTokens = maxPromptTokens;
        _pages = new PagePool(limits.Pages);
        _slots = new Stack<int>(Enumerable.Range(0, limits.Sequences).Reverse());
    }

    /// <summary>Slots that the model opens or closes before it prepares the next step, in order. Whoever has done it clears the list.</summary>
    public List<SlotChange> Changes { get; } = [];

    /// <summary>Requests that have lost their pages to older ones. Whoever has handed them back clears the list.</summary>
    public List<RunningRequest> Preempted { get; } = [];

    public int Running => _running.Count;

    public int Waiting => _waiting.Count;

    public int FreePages => _pages.Free;

    public IEnumerable<RunningRequest> Requests => _requests.Values;

    public RunningRequest? Find(MemberId frontEnd, long request, int owner) =>
        _requests.TryGetValue((frontEnd, request), out var known) && known.Assignment.Owner == owner ? known : null;

    /// <summary>A request of whichever owner number.</summary>
    public RunningRequest? Find(MemberId frontEnd, long request) => _requests.GetValueOrDefault((frontEnd, request));

    /// <summary>The request waits until there is room for it. It has no earlier assignment here.</summary>
    public void Add(RunningRequest request)
    {
        _requests.Add((request.FrontEnd, request.Assignment.Request), request);
        _waiting.Add(request);
    }

    /// <summary>The request has ended or goes elsewhere. What a step in flight has of it stays until that is complete.</summary>
    public void Remove(RunningRequest request)
    {
        if (request.IsEnded)
            return;
        request.IsEnded = true;
        _requests.Remove((request.FrontEnd, request.Assignment.Request));
        if (!_waiting.Remove(request))
            _running.RemoveAt(_running.BinarySearch(request));
        if (request.InFlight == 0)
            Free(request);
    }

    /// <summary>Takes those that wait as long as there is room for their tokens so far and the next one.</summary>
    public void Admit()
    {
        while (_waiting.Min is { } next && _slots.Count > 0 && (_running.Count == 0 || _limits.PagesOf(next.Length + 1) <= _pages.Free - PagesPromised()))
        {
            _waiting.Remove(next);
            next.Slot = _slots.Pop();
            _running.Insert(~_running.BinarySearch(next), next);
            Changes.Add(new SlotChange(next.Slot, next.Start(_limits.EndTokens)));
        }
    }

    /// <summary>The next step, while none is in flight.</summary>
    /// <param name="maxTokens">Most tokens.</param>
    /// <param name="only">The only requests that may be in it; null for all that run.</param>
    public StepPlan Plan(int maxTokens, IReadOnlyList<RunningRequest>? only)
    {
        var plan = new StepPlan();
        Choose(maxTokens, only ?? _running);
        foreach (var (request, count) in _chosen)
        {
            if (request.IsEnded)
                continue; // an older one has taken its pages
            if (TryReserve(request, count))
                plan.Add(request, count);
            else
                Preempt(request);
        }

        return plan;
    }

    /// <summary>The step after the one in flight.</summary>
    /// <returns>Null when somebody's pages had to be taken for it: then it is planned when the one in flight is complete.</returns>
    public StepPlan? PlanAhead(int maxTokens)
    {
        Choose(maxTokens, _running);
        if (_chosen.Count == 0 || _chosen.Sum(chosen => PagesWanted(chosen.Request, chosen.Count)) > _pages.Free)
            return null;
        var plan = new StepPlan();
        foreach (var (request, count) in _chosen)
        {
            TryReserve(request, count);
            plan.Add(request, count);
        }

        return plan;
    }

    /// <summary>The request has a chunk less in flight.</summary>
    public void Complete(RunningRequest request, in StepChunk chunk)
    {
        request.Complete(chunk);
        if (request is { IsEnded: true, InFlight: 0 })
            Free(request);
    }

    /// <summary>A step is not run.</summary>
    public void Drop(StepPlan plan)
    {
        foreach (var request in plan.Requests)
        {
            request.Drop();
            if (request is { IsEnded: true, Slot: >= 0 })
                Free(request);
        }
    }

    /// <summary>What room there is.</summary>
    /// <param name="assigned">Number of the newest assignment of the front end that it is for.</param>
    public RankStatement State(int assigned)
    {
        var (waiting, cost) = (0, 0.0);
        var (pages, sequences) = (_pages.Free - PagesPromised(), _slots.Count);
        foreach (var request in _requests.Values)
        {
            if (request.Slot < 0)
            {
                waiting += request.Length;
                pages -= _limits.PagesOf(request.Length + 1);
                sequences--;
            }

            if (request.Length - request.Computed is > 1 and var remaining)
                cost += _limits.Cost.Of(request.Computed, remaining);
        }

        return new RankStatement(assigned, pages, Math.Max(0, sequences), waiting, cost);
    }

    /// <summary>A token of each request that generates, and chunks of prompts, the oldest request first: a long prompt does not hold up the streams of others.</summary>
    private void Choose(int maxTokens, IReadOnlyList<RunningRequest> requests)
    {
        _chosen.Clear();
        var decoding = requests.Count(static request => CanRun(request) && request.IsDecoding);
        var (rows, promptRows) = (maxTokens, Math.Min(_maxPromptTokens, Math.Max(1, maxTokens - decoding)));
        for (var i = 0; i < requests.Count && rows > 0; i++)
        {
            var request = requests[i];
            if (!CanRun(request))
                continue;
            var count = request.IsDecoding ? 1 : Math.Min(request.Remaining, Math.Min(promptRows, rows));
            if (count == 0)
                continue;
            promptRows -= request.IsDecoding ? 0 : count;
            rows -= count;
            _chosen.Add((request, count));
        }
    }

    /// <summary>What depends on a token that a step in flight samples waits for it.</summary>
    private static bool CanRun(RunningRequest request) => !request.IsEnded && request.Remaining > 0 && !request.EndsWithSample && !(request.IsSampling && request.DependsOnText);

    private bool TryReserve(RunningRequest request, int count)
    {
        while (PagesWanted(request, count) > _pages.Free)
        {
            if (_running.FindLast(other => other.InFlight == 0 && other.Pages > 0) is not { } youngest || youngest.CompareTo(request) <= 0)
                return false;
            Preempt(youngest);
        }

        for (var wanted = PagesWanted(request, count); wanted > 0; wanted--)
            request.AddPage(_pages.Rent());
        return true;
    }

    private int PagesWanted(RunningRequest request, int count) => Math.Max(0, _limits.PagesOf(request.Planned + count) - request.Pages);

    private void Preempt(RunningRequest request)
    {
        Remove(request);
        Preempted.Add(request);
    }

    /// <summary>Pages that those who run need for their tokens so far and the next one, and do not have yet.</summary>
    private int PagesPromised()
    {
        var pages = 0;
        foreach (var request in _running)
            pages += Math.Max(0, _limits.PagesOf(request.Length + 1) - request.Pages);
        return pages;
    }

    private void Free(RunningRequest request)
    {
        if (request.Slot < 0)
            return;
        foreach (var page in request.AllPages)
            _pages.Return(page);
        Changes.Add(new SlotChange(request.Slot, null));
        _slots.Push(request.Slot);
        request.Slot = -1;
    }
}
