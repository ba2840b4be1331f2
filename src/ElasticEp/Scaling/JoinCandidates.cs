using ElasticEp.Protocol;

namespace ElasticEp.Scaling;

/// <summary>
/// Processes that have registered and may join. One that was a member, or was dismissed, never joins again, however late its registration
/// vanishes; its rank may, in another process.
/// </summary>
internal sealed class JoinCandidates
{
    private readonly Dictionary<int, (GroupMember Process, StandbyState? Standby)> _registered = [];
    private readonly Dictionary<int, long> _past = []; // rank → highest incarnation that was a member or was dismissed

    /// <summary>The process that may join as a rank, or null.</summary>
    public GroupMember? Find(int rank) => _registered.GetValueOrDefault(rank).Process;

    /// <summary>What that process holds of the weights already, as far as it has said so.</summary>
    public StandbyState? FindState(int rank) => _registered.GetValueOrDefault(rank).Standby;

    /// <summary>Whether this very process may join.</summary>
    public bool Contains(MemberId process) => Find(process.Rank)?.Id == process;

    /// <summary>Whether a process was a member, or was dismissed.</summary>
    public bool IsPast(MemberId process) => process.Incarnation <= _past.GetValueOrDefault(process.Rank);

    /// <returns>False when it had its time, or a later process of its rank has registered.</returns>
    public bool Add(GroupMember process, StandbyState? standby)
    {
        if (IsPast(process.Id) || process.Incarnation < Find(process.Rank)?.Incarnation)
            return false;
        _registered[process.Rank] = (process, standby);
        return true;
    }

    /// <returns>False when it was none.</returns>
    public bool Remove(MemberId process) => Contains(process) && _registered.Remove(process.Rank);

    /// <summary>The members of a view are not candidates.</summary>
    public void OnView(GroupView view)
    {
        foreach (var member in view.Members)
            Retire(member.Id);
    }

    /// <summary>A process has had its time.</summary>
    public void Retire(MemberId process)
    {
        _past[process.Rank] = Math.Max(process.Incarnation, _past.GetValueOrDefault(process.Rank));
        if (_registered.TryGetValue(process.Rank, out var registered) && registered.Process.Incarnation <= process.Incarnation)
            _registered.Remove(process.Rank);
    }
}
