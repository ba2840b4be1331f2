using ElasticEp.Events;
using ElasticEp.Membership;
using ElasticEp.Protocol;
using ElasticEp.Steps;

namespace ElasticEp.Scaling;

/// <summary>The processes that are to join with the operation under way: found in the store, connected, and dismissed when it is rolled back.</summary>
internal sealed class Joiners(MemberCore member, PeerLinks links)
{
    private bool _isWatching;

    public JoinCandidates Candidates { get; } = new();

    /// <summary>Whether the process for a rank is there and connected.</summary>
    public bool IsGathered(int rank) => Candidates.Find(rank) is { } joiner && (joiner.Id == member.Self || links.IsConnected(joiner.Id));

    /// <summary>Looks for the joiners of an operation, now and as they register.</summary>
    public void Gather(Operation operation, List<RankEffect> effects)
    {
        if (!_isWatching)
        {
            _isWatching = true;
            effects.Add(new WatchRanks());
        }

        foreach (var rank in operation.Pending.Joiners)
            Connect(operation, rank, effects);
    }

    public void OnRegistered(GroupMember process, Operation? operation, TimeSpan now, List<RankEffect> effects)
    {
        if (!Candidates.Add(process))
            return;
        // One of the first ranks was started again: the first view is made anew, with the process that is there now.
        if (operation is { Kind: OperationKind.Birth, Next: not null } && !operation.Next.Contains(process.Id))
            operation.OnBaseChanged(now);
        Connect(operation, process.Rank, effects);
    }

    public void OnUnregistered(MemberId process, Operation? operation)
    {
        if (Candidates.Remove(process))
            OnGone(process.Rank, operation, "ended before it was admitted");
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
        .Concat(links.Connected.Where(peer => operation.Pending.Joiners.Contains(peer.Rank)))
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
            links.OnDown(joiner);
            effects.Add(new Disconnect(joiner));
        }
    }

    private void Connect(Operation? operation, int rank, List<RankEffect> effects)
    {
        if (operation is { CanBeGivenUp: true } && operation.Pending.Joiners.Contains(rank)
            && Candidates.Find(rank) is { } joiner && joiner.Id != member.Self && !links.IsConnected(joiner.Id))
        {
            effects.Add(new Connect(joiner));
        }
    }

    private static void OnGone(int rank, Operation? operation, string what)
    {
        // The first ranks have nobody to fall back on: a birth waits for them until they come back.
        if (operation is { Phase: > OperationPhase.Proposing, Kind: not OperationKind.Birth } && operation.Pending.Joiners.Contains(rank))
            operation.GiveUp($"rank {rank} {what}");
    }
}
