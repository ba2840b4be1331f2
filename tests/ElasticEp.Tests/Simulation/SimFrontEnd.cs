using ElasticEp.Protocol;

namespace ElasticEp.Tests.Simulation;

/// <summary>Owns every request: assigns it to a rank under a new owner number, and accepts each position once.</summary>
internal sealed class SimFrontEnd(Simulation world)
{
    private readonly List<SimRequest> _requests = [];
    private readonly Queue<SimRequest> _queue = [];
    private readonly Dictionary<SimRank, long> _lastArrival = [];
    private readonly HashSet<(int Request, int Position)> _accepted = [];
    private GroupRecord _record = GroupRecord.Unborn;

    public bool HasEnded => _record.View.IsTerminal;

    public int Running => _requests.Count(request => !request.IsOver);

    public void Start() => world.Store.SubscribeClient(OnRecord, mayMerge: false);

    public void Arrive(int requests, int longest)
    {
        for (var i = 0; i < requests; i++)
        {
            var request = new SimRequest(_requests.Count, world.Random.Between(1, longest));
            _requests.Add(request);
            Enqueue(request);
        }
    }

    /// <summary>Something that a rank sends: in order for each rank.</summary>
    public void Later(SimRank from, Action arrive)
    {
        var at = Math.Max(_lastArrival.GetValueOrDefault(from), world.Clock.Now + world.Random.Delay(300));
        _lastArrival[from] = at;
        world.Clock.At(at, arrive);
    }

    /// <summary>Takes a running request from its rank and gives it to another at once; what the old one still sends is late.</summary>
    public void RevokeOne()
    {
        var running = _requests.Where(request => request is { IsOver: false, IsQueued: false, Assignment: not null }).ToArray();
        if (running.Length == 0)
            return;
        var request = world.Random.Pick(running);
        var old = request.Assignment!;
        world.Clock.After(world.Random.Delay(3_000), () => old.Rank.OnRevoked(old));
        Enqueue(request);
    }

    public void OnToken(SimAssignment from, int position, ulong value)
    {
        var request = from.Request;
        if (!world.Break.AcceptsAnyToken && (from.Owner != request.Owner || position != request.Position || request.IsOver))
            return;
        if (!_accepted.Add((request.Id, position)))
            throw new SimulationException($"rule 7: position {position} of request {request.Id} was accepted twice");
        if (value != request.TokenAt(position))
            throw new SimulationException($"the token of request {request.Id} at position {position} differs from the reference");
        request.Position++;
    }

    public void OnHandedBack(SimAssignment from)
    {
        if (from.Owner == from.Request.Owner && !from.Request.IsOver && !from.Request.IsQueued)
            Enqueue(from.Request);
    }

    public void OnFailed(SimAssignment from)
    {
        if (from.Owner == from.Request.Owner)
            from.Request.HasFailed = true;
    }

    public void OnProcessGone(SimRank rank) => Later(rank, () =>
    {
        foreach (var request in _requests)
        {
            if (request is { IsOver: false, IsQueued: false } && request.Assignment?.Rank == rank)
                Enqueue(request);
        }
    });

    public void CheckAllOver()
    {
        if (HasEnded)
            return;
        foreach (var request in _requests)
        {
            if (!request.IsOver)
                throw new SimulationException($"request {request.Id} stopped at position {request.Position} of {request.Length}: it is lost (rank {request.Assignment?.Rank.Rank}, queued {request.IsQueued})");
        }
    }

    private void OnRecord(GroupRecord record)
    {
        _record = record;
        AssignAll();
    }

    private void Enqueue(SimRequest request)
    {
        request.IsQueued = true;
        request.Owner++;
        request.Assignment = null;
        _queue.Enqueue(request);
        AssignAll();
    }

    private void AssignAll()
    {
        var ranks = _record.View.Members
            .Where(member => _record.Pending?.Leavers.Contains(member.Rank) != true)
            .Select(member => world.Find(member.Id))
            .Where(rank => rank is { IsAlive: true })
            .ToArray();
        while (ranks.Length > 0 && _queue.TryDequeue(out var request))
        {
            request.IsQueued = false;
            var assignment = request.Assignment = new SimAssignment(request, world.Random.Pick(ranks)!);
            world.Clock.After(world.Random.Delay(300), () => Deliver(assignment));
        }
    }

    private void Deliver(SimAssignment assignment)
    {
        if (assignment.IsRevoked)
            return;
        if (assignment.Rank.IsAlive)
            assignment.Rank.OnAssigned(assignment);
        else
            OnHandedBack(assignment);
    }
}
