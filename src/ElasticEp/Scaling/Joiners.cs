using ElasticEp.Events;
using ElasticEp.Membership;
using ElasticEp.Protocol;
using ElasticEp.Steps;

namespace ElasticEp.Scaling;

/// <summary>The processes that are to join with the operation under way: found in the store, connected, and dismissed when it is rolled back.</summary>
internal sealed class Joiners(MemberCore member, PeerCore peers)
{
    private readonly HashSet<MemberId> _unregistered = []; // and still connected
    private readonly HashSet<MemberId> _inAView = []; // registered, and members already
    private bool _isWatching;

    public JoinCandidates Candidates { get; } = new();

    /// <summary>Whether a process has registered that is in a view.</summary>
    public bool AnyInAView => _inAView.Count > 0;

    /// <summary>Whether the process for a rank is there and connected.</summary>
    public bool IsGathered(int rank) => Candidates.Find(rank) is { } joiner && (joiner.Id == member.Self || peers.IsConnected(joiner.Id));

    /// <summary>From now on this rank hears of processes that have registered.</summary>
    public void StartWatching(List<RankEffect> effects)
    {
        if (!_isWatching)
        {
            _isWatching = true;
            effects.Add(new WatchRanks());
        }
    }

    /// <summary>The processes that an operation is to be joined by, as far as they have registered.</summary>
    public IEnumerable<GroupMember> Wanted(Operation? operation) => operation is { CanBeGivenUp: true } ? operation.Pending.Joiners.Select(Candidates.Find).OfType<GroupMember>() : [];

    /// <summary>What the joiners of an operation hold already, as far as they have said so.</summary>
    public IEnumerable<(int Rank, StandbyState State)> Held(Operation operation)
    {
        foreach (var rank in operation.Pending.Joiners)
        {
            if (Candidates.FindState(rank) is { } state)
                yield return (rank, state);
        }
    }

    public void OnRegistered(RankRegistered registered, Operation? operation, TimeSpan now)
    {
        var process = registered.Member;
        _unregistered.Remove(process.Id);
        if (registered.Epoch > 0)
        {
            _inAView.Add(process.Id);
            return;
        }

        var before = Candidates.Find(process.Rank);
        if (!Candidates.Add(process, registered.Standby))
            return;
        if (operation?.Next is not { } next || next.Contains(process.Id) || !operation.Pending.Joiners.Contains(process.Rank))
            return;
        if (operation.Kind == OperationKind.Birth)
            operation.OnBaseChanged(now); // the first view is made anew, with the process that is there now
        else if (before is not null && before.Id != process.Id)
            operation.GiveUp($"rank {process.Rank} was started again before it was admitted");
    }

    public void OnUnregistered(MemberId process, Operation? operation)
    {
        _inAView.Remove(process);
        if (peers.IsConnected(process))
            _unregistered.Add(process); // it lives as yet: the store may have lost the registration
        else if (Candidates.Remove(process))
            OnGone(process.Rank, operation, "ended before it was admitted");
    }

    /// <summary>A connection has ended: that of a process that is not registered any more ends with it.</summary>
    public void OnLinkLost(MemberId process, Operation? operation)
    {
        if (_unregistered.Remove(process))
            OnUnregistered(process, operation);
    }

    /// <summary>A peer cannot be reached, or is lost.</summary>
    public void OnPeerGone(MemberId peer, Operation? operation, string what)
    {
        if (Candidates.Contains(peer))
            OnGone(peer.Rank, operation, what);
    }

    /// <summary>The processes that an operation may have got as far as to prepare: a coordinator that took over knows them by their connections only.</summary>
    public IEnumerable<MemberId> Of(Operation operation, GroupView view) => operation.Pending.Joiners
        .Select(Candidates.Find).OfType<GroupMember>().Select(joiner => joiner.Id)
        .Concat(peers.Connected.Where(peer => operation.Pending.Joiners.Contains(peer.Rank)))
        .Where(joiner => !view.Contains(joiner))
        .Distinct();

    /// <summary>They are not wanted any more.</summary>
    public void Dismiss(Operation operation, GroupView view, List<RankEffect> effects)
    {
        foreach (var joiner in Of(operation, view).ToArray())
        {
            Candidates.Retire(joiner);
            if (joiner == member.Self)
                continue;
            peers.OnDismissed(joiner);
            effects.Add(new Disconnect(joiner));
        }
    }

    /// <summary>A process that was dismissed may have missed it, and would wait for ever.</summary>
    public void DismissAgain(MemberId process, GroupRecord record, List<RankEffect> effects)
    {
        if (process.IsRank && Candidates.IsPast(process) && record.View.Epoch > 0 && !record.Needs(process))
            effects.Add(RankEffect.Send(process, new AbortMessage("", "it was dismissed")));
    }

    private static void OnGone(int rank, Operation? operation, string what)
    {
        // The first ranks have nobody to fall back on: a birth waits for them until they come back.
        if (operation is { Phase: > OperationPhase.Proposing, Kind: not OperationKind.Birth } && operation.Pending.Joiners.Contains(rank))
            operation.GiveUp($"rank {rank} {what}");
    }
}
