using ElasticEp.Events;
using ElasticEp.Steps;

namespace ElasticEp.Tests.Simulation;

/// <summary>The app: its serving loop, the requests it runs, and what it does when it is to leave.</summary>
internal sealed partial class SimRank
{
    private readonly SortedDictionary<int, SimAssignment> _requests = [];
    private List<SimAssignment>? _batch;
    private SimAssignment? _poisoned;
    private string? _leaving;
    private bool _hasDrained;
    private bool _isWaiting;
    private bool _hasRun;

    /// <summary>Whether its app does not call for long.</summary>
    public bool IsAway { get; set; }

    /// <summary>Whether its launcher is about to stop it.</summary>
    public bool IsEnding { get; set; }

    public SimAttempt? LastAttempt { get; private set; }

    public string DescribeRequests() => $"[{string.Join(' ', _requests.Keys)}] batch {(_batch is null ? "none" : string.Join(' ', _batch.Select(assignment => assignment.Request.Id)))} leaving {_leaving}";

    public bool HasNoRequests => _requests.Count == 0;

    public void OnAssigned(SimAssignment assignment)
    {
        if (_leaving is not null || !IsAlive)
        {
            _world.FrontEnd.Later(this, () => _world.FrontEnd.OnHandedBack(assignment));
            return;
        }

        if (_requests.TryGetValue(assignment.Request.Id, out var other) && other.Owner > assignment.Owner)
            return;
        _requests[assignment.Request.Id] = assignment;
        Later(RankEvent.WorkNotified, 100);
    }

    /// <summary>The front end took a request away. In a frozen batch it stays until the step is over.</summary>
    public void OnRevoked(SimAssignment assignment)
    {
        assignment.IsRevoked = true;
        if (_batch is null)
            RemoveRevoked();
    }

    /// <summary>A rank that is out may have no serving loop any more when it is released.</summary>
    private void CallAgain() => _world.Clock.After(_world.TryStayAway(this) ? SimSettings.Stuck : _world.Random.Delay(200), () =>
    {
        IsAway = false;
        if (!IsAlive || _isWaiting || (Core.Member.Phase == MemberPhase.Gone && _world.Random.Chance(0.5)))
            return;
        _isWaiting = true;
        Post(RankEvent.CallerWaits);
        if (_world.HasTrouble(_world.Settings.GiveUp))
            Later(RankEvent.CallerCancelled, 2_000);
    });

    private void FreezeBatch()
    {
        _hasRun = true;
        _batch ??= [.. _requests.Values];
        _poisoned = null;
    }

    private bool PoisonOne()
    {
        if (_batch is { Count: > 0 })
            _poisoned = _batch[_world.Random.Below(_batch.Count)];
        return _poisoned is not null;
    }

    private void MayNotify(SimAttempt attempt, int point)
    {
        if (attempt.NotifyAt == point && _requests.Count > 0)
            Post(RankEvent.WorkNotified);
    }

    private void OnReturned(in RankEffect effect)
    {
        if (!_isWaiting)
            throw new SimulationException($"rank {Rank} returned to a caller that does not wait");
        _isWaiting = false;
        switch (effect.Failure)
        {
            case null when !effect.Result:
                return; // its core says that it has ended, too
            case null:
                ReleaseTokens();
                break;
            case StepFailedException { WillRunAgain: true }:
                _world.Trace.Note(Rank, "the app drops the request that failed");
                var poisoned = _poisoned ?? throw new SimulationException($"rank {Rank} was told of a failure that its app did not raise");
                _batch!.Remove(poisoned);
                Remove(poisoned);
                _world.FrontEnd.Later(this, () => _world.FrontEnd.OnFailed(poisoned));
                break;
            case StepFailedException:
                HandBackBatch();
                break;
            case OperationCanceledException:
                if (_hasRun)
                    throw new SimulationException($"rank {Rank} gave up in the middle of step {_step}");
                break;
            default:
                throw new SimulationException($"rank {Rank} returned {effect.Failure}");
        }

        _hasRun = false;
        if (_leaving is not null && _batch is null)
            HandBackAll();
        if (_requests.Count > 0 && _world.Random.Chance(0.5))
            Later(RankEvent.WorkNotified, 50);
        else if (_requests.Count > 0)
            _world.Clock.After(1, () => Post(RankEvent.WorkNotified));
        CallAgain();
    }

    private void OnEnded()
    {
        if (_hasEnded)
            throw new SimulationException($"rank {Rank} has ended twice");
        if (_attempt is not null)
            throw new SimulationException($"rank {Rank} has ended while its delegate was still running");
        _hasEnded = true;
        _world.Checks.Released(this);
        _world.Clock.After(_world.Random.Delay(1_000), () => End(isGraceful: true));
    }

    private void ReleaseTokens()
    {
        var attempt = LastAttempt ?? throw new SimulationException($"rule 1: rank {Rank} returned before its delegate did");
        _world.Checks.Returned(this, attempt);
        foreach (var assignment in _batch!)
        {
            var (position, value) = (assignment.Position, assignment.Request.TokenAt(assignment.Position) ^ attempt.Error);
            assignment.Position++;
            _world.FrontEnd.Later(this, () => _world.FrontEnd.OnToken(assignment, position, value));
            if (assignment.Position == assignment.Request.Length)
                Remove(assignment);
        }

        _batch = null;
        RemoveRevoked();
    }

    private void HandBackBatch()
    {
        if (!LastAttempt!.HasFailedTail)
            throw new SimulationException($"rule 6: rank {Rank} was told of a failure after its exchanges that its app did not raise");
        _world.Checks.Returned(this, LastAttempt);
        foreach (var assignment in _batch!)
            HandBack(assignment);
        _batch = null;
        RemoveRevoked();
    }

    private void HandBackAll()
    {
        foreach (var assignment in _requests.Values.ToArray())
            HandBack(assignment);
        if (_hasDrained)
            return;
        _hasDrained = true;
        EndDrain(_leaving!);
    }

    private void HandBack(SimAssignment assignment)
    {
        Remove(assignment);
        _world.FrontEnd.Later(this, () => _world.FrontEnd.OnHandedBack(assignment));
    }

    private void RemoveRevoked()
    {
        foreach (var assignment in _requests.Values.Where(assignment => assignment.IsRevoked).ToArray())
            Remove(assignment);
    }

    /// <summary>Unless the same request has come again under a later owner number.</summary>
    private void Remove(SimAssignment assignment)
    {
        if (_requests.GetValueOrDefault(assignment.Request.Id) == assignment)
            _requests.Remove(assignment.Request.Id);
    }

    private void StartLeaving(string operation)
    {
        (_leaving, _hasDrained) = (operation, false);
        if (_batch is null)
            _world.Clock.After(1, () => { if (_leaving == operation && _batch is null) HandBackAll(); });
    }

    private void CancelLeaving(bool wasDraining)
    {
        if (wasDraining)
            _leaving = null;
    }
}
