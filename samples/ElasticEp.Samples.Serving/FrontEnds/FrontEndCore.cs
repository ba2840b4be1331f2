using ElasticEp.Samples.Serving.Messages;

namespace ElasticEp.Samples.Serving.FrontEnds;

/// <summary>
/// All that a front end decides: (state, event, now) → (state, messages, deliveries). It owns every request: gives it to a rank, accepts each
/// position once and only from the present owner, and gives the request to another rank when its own hands it back or is lost. It owns no thread, timer,
/// task or lock.
/// </summary>
/// <param name="options">What it takes, and what ranks have room for.</param>
/// <param name="observer">Is told what happens to requests.</param>
/// <param name="time">Measures between timestamps.</param>
internal sealed partial class FrontEndCore(FrontEndOptions options, IServingObserver observer, TimeProvider time)
{
    private const int MostCrashes = 2; // then the request is what ends its ranks
    private const int MostLosses = 5; // that a rank has begun with it may be lost with the rank

    private static readonly Comparer<GenerationRequest> ByNumber = Comparer<GenerationRequest>.Create(static (one, other) => one.Number.CompareTo(other.Number));

    private readonly Dictionary<long, GenerationRequest> _requests = [];
    private readonly SortedSet<GenerationRequest> _queue = new(ByNumber); // the oldest first
    private readonly SortedSet<GenerationRequest> _choosing = new(ByNumber); // those that wait for room at a rank that they name
    private readonly HashSet<int> _knownRanks = [];
    private readonly Dictionary<MemberId, MemberState> _members = [];
    private Exception? _end;
    private int _reserved;
    private long _numbers;

    /// <summary>By what members are compared that have room for a request. Tests compare it with others.</summary>
    public Func<MemberState, double> Load { get; init; } = static member => member.Work;

    /// <summary>Messages to send, in order. Whoever has sent them clears the list.</summary>
    public List<OutgoingMessage> Outgoing { get; } = [];

    /// <summary>What readers of requests get, in order. Whoever has delivered it clears the list.</summary>
    public List<Delivery> Deliveries { get; } = [];

    /// <summary>Requests that were taken from a member, with the reason. Whoever has logged them clears the list.</summary>
    public List<TakenRequest> Taken { get; } = [];

    /// <summary>Members that have stopped answering. Whoever has logged them clears the list.</summary>
    public List<UnansweringMember> Unanswering { get; } = [];

    /// <summary>Processes that are no members any more. Whoever has forgotten them clears the list.</summary>
    public List<MemberId> Gone { get; } = [];

    /// <summary>Whether <see cref="OnCheckDue"/> is wanted, a period from now.</summary>
    public bool WantsCheck { get; set; }

    public int Capacity => options.Capacity;

    public int Outstanding => _requests.Count;

    public int Queued => _queue.Count + _choosing.Count;

    /// <summary>How long the oldest request has waited that no step has begun with; zero when there is none.</summary>
    public TimeSpan OldestQueued(long now)
    {
        var oldest = now;
        foreach (var request in _requests.Values)
            oldest = request.BegunAt == 0 && request.ArrivedAt < oldest ? request.ArrivedAt : oldest;
        return time.GetElapsedTime(oldest, now);
    }

    /// <summary>Requests that were handed back in the middle.</summary>
    public long HandBacks { get; private set; }

    /// <summary>Tokens that were accepted.</summary>
    public long Released { get; private set; }

    public bool IsLeaving(MemberId member) => _members.TryGetValue(member, out var state) && state.Leave != 0;

    /// <summary>Number of the present assignment of a request; null when it has ended.</summary>
    public int? OwnerOf(long request) => _requests.TryGetValue(request, out var known) ? known.Owner : null;

    /// <summary>Keeps room for requests.</summary>
    /// <returns>Null when it is kept; else why not.</returns>
    public Rejection? Reserve(int requests)
    {
        Rejection? reason = _end is not null ? Rejection.Stopping : _requests.Count + _reserved + requests > options.Capacity ? Rejection.QueueFull : null;
        if (reason is { } rejection)
            observer.OnRejected(rejection, requests);
        else
            _reserved += requests;
        return reason;
    }

    /// <summary>The room is not needed.</summary>
    public void Release(int requests) => _reserved -= requests;

    /// <summary>Queues a request for which there is room reserved.</summary>
    /// <returns>The request; a failed one when nobody serves any more.</returns>
    public GenerationRequest Submit(int[] prompt, GenerationOptions generation, long now)
    {
        _reserved--;
        var request = new GenerationRequest(++_numbers, prompt, generation, now);
        if (_end is not null)
        {
            Deliveries.Add(new Delivery(request, default, _end));
            return request;
        }

        _requests.Add(request.Number, request);
        (generation.FirstRank is null ? _queue : _choosing).Add(request);
        WantsCheck = true;
        Assign(now);
        return request;
    }

    /// <summary>Nobody waits for the request any more.</summary>
    public void Cancel(GenerationRequest request, string reason, long now)
    {
        if (!_requests.ContainsKey(request.Number))
            return;
        if (request.Member is { } member)
            Send(member, ServingTopic.Cancel, new RequestNotice(request.Number, request.Owner, "").Encode());
        Remove(request, reason);
        ConfirmLeavers();
        Assign(now);
    }

    /// <summary>Nobody serves any more: requests that run fail, and so does each that comes.</summary>
    public void End(Exception reason)
    {
        _end ??= reason;
        foreach (var request in _requests.Values.ToArray())
        {
            Remove(request, "error");
            Deliveries.Add(new Delivery(request, default, reason));
        }
    }

    /// <summary>Gives up what has waited too long for its first step.</summary>
    private void GiveUpOld(long now)
    {
        if (options.MaxQueueTime is not { } most)
            return;
        foreach (var request in _requests.Values.Where(request => request.BegunAt == 0 && time.GetElapsedTime(request.ArrivedAt, now) > most).ToArray())
        {
            if (request.Member is { } member)
                Send(member, ServingTopic.Cancel, new RequestNotice(request.Number, request.Owner, "").Encode());
            observer.OnRejected(Rejection.QueueTime, 1);
            Fail(request, new RejectedException(Rejection.QueueTime, $"The request has waited {most.TotalSeconds} s for its turn; try again later."));
        }
    }

    private void Fail(GenerationRequest request, Exception reason)
    {
        Remove(request, "error");
        Deliveries.Add(new Delivery(request, default, reason));
    }

    private void Remove(GenerationRequest request, string reason)
    {
        _requests.Remove(request.Number);
        _queue.Remove(request);
        _choosing.Remove(request);
        observer.OnEnd(request, request.Rank, reason);
        TakeAway(request);
    }

    /// <summary>The request goes back to the queue, to its place by age.</summary>
    private void Requeue(GenerationRequest request)
    {
        TakeAway(request);
        request.Owner++;
        request.HasBegun = false;
        _queue.Add(request);
    }

    /// <summary>The request is at no member any more.</summary>
    private void TakeAway(GenerationRequest request)
    {
        if (request.Member is { } before && _members.TryGetValue(before, out var state))
            state.Remove(request);
        request.Member = null;
    }

    private void Send(MemberId member, int topic, ReadOnlyMemory<byte> payload) => Outgoing.Add(new OutgoingMessage(member, topic, payload));
}
