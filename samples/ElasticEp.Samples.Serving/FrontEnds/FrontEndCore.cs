using ElasticEp.Samples.Serving.Messages;

namespace ElasticEp.Samples.Serving.FrontEnds;

/// <summary>
/// All that a front end decides: (state, event, now) → (state, messages, deliveries). It owns every request: gives it to a rank, accepts each
/// position once and only from the present owner, and gives the request to another rank when its own hands it back or is lost. It owns no thread, timer,
/// task or lock.
/// </summary>
/// <param name="capacity">Most requests that are queued or running.</param>
/// <param name="observer">Is told what happens to requests.</param>
/// <param name="time">Measures between timestamps.</param>
internal sealed partial class FrontEndCore(int capacity, IServingObserver observer, TimeProvider time)
{
    private const int MostCrashes = 2; // then the request is what ends its ranks
    private const int MostLosses = 5; // that a rank has begun with it may be lost with the rank

    private readonly Dictionary<long, GenerationRequest> _requests = [];
    private readonly SortedDictionary<long, GenerationRequest> _queue = []; // the oldest first
    private readonly Dictionary<MemberId, MemberState> _members = [];
    private Exception? _end;
    private long _numbers;

    /// <summary>Messages to send, in order. Whoever has sent them clears the list.</summary>
    public List<OutgoingMessage> Outgoing { get; } = [];

    /// <summary>What readers of requests get, in order. Whoever has delivered it clears the list.</summary>
    public List<Delivery> Deliveries { get; } = [];

    /// <summary>Requests that were taken from a member, with the reason. Whoever has logged them clears the list.</summary>
    public List<TakenRequest> Taken { get; } = [];

    /// <summary>Processes that are no members any more. Whoever has forgotten them clears the list.</summary>
    public List<MemberId> Gone { get; } = [];

    /// <summary>Whether <see cref="OnCheckDue"/> is wanted, a period from now.</summary>
    public bool WantsCheck { get; set; }

    public int Capacity => capacity;

    public int Outstanding => _requests.Count;

    public int Queued => _queue.Count;

    /// <summary>Requests that were handed back in the middle.</summary>
    public long HandBacks { get; private set; }

    /// <summary>Tokens that were accepted.</summary>
    public long Released { get; private set; }

    public bool IsLeaving(MemberId member) => _members.TryGetValue(member, out var state) && state.Leave != 0;

    /// <summary>Number of the present assignment of a request; null when it has ended.</summary>
    public int? OwnerOf(long request) => _requests.TryGetValue(request, out var known) ? known.Owner : null;

    /// <summary>Queues all requests of one call, or none.</summary>
    /// <returns>Null when there is no room for all of them; failed ones when nobody serves any more.</returns>
    public GenerationRequest[]? Submit(IReadOnlyList<(int[] Prompt, GenerationOptions Options)> calls, long now)
    {
        if (_requests.Count + calls.Count > capacity)
            return null;
        var requests = new GenerationRequest[calls.Count];
        for (var i = 0; i < requests.Length; i++)
        {
            var request = requests[i] = new GenerationRequest(++_numbers, calls[i].Prompt, calls[i].Options, now);
            if (_end is not null)
            {
                Deliveries.Add(new Delivery(request, default, _end));
                continue;
            }

            _requests.Add(request.Number, request);
            _queue.Add(request.Number, request);
        }

        WantsCheck = true;
        Assign(now);
        return requests;
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

    private void Fail(GenerationRequest request, Exception reason)
    {
        Remove(request, "error");
        Deliveries.Add(new Delivery(request, default, reason));
    }

    private void Remove(GenerationRequest request, string reason)
    {
        _requests.Remove(request.Number);
        _queue.Remove(request.Number);
        observer.OnEnd(request, request.Rank, reason);
        Place(request, null);
    }

    /// <summary>The request goes back to the queue, to its place by age.</summary>
    private void Requeue(GenerationRequest request)
    {
        Place(request, null);
        request.Owner++;
        request.HasBegun = false;
        _queue.Add(request.Number, request);
    }

    /// <summary>The request is at this member now, or at none.</summary>
    private void Place(GenerationRequest request, MemberState? member)
    {
        if (request.Member is { } before && _members.TryGetValue(before, out var state))
            state.Requests.Remove(request.Number);
        request.Member = member?.Id;
        member?.Requests.Add(request.Number, request);
    }

    private void Send(MemberId member, int topic, ReadOnlyMemory<byte> payload) => Outgoing.Add(new OutgoingMessage(member, topic, payload));
}
