using ElasticEp.Protocol;
using ElasticEp.Scaling;

namespace ElasticEp.Hosting.Launching;

/// <summary>
/// Which ranks are to run, given the group's record: its members, the joiners of its operation, and standbys. Pure; looks at the
/// newest record only, so it does not matter which ones were missed.
/// </summary>
internal sealed class LaunchPlan(string group, int initialRanks, int maxRanks, int standbys)
{
    /// <summary>The operation of a rank that is started ahead of any.</summary>
    public const string Standby = "@standby";

    /// <summary>Ranks that should be started if they do not run.</summary>
    public IEnumerable<RankLaunch> Wanted(GroupRecord record)
    {
        if (record.View.IsTerminal)
            return [];
        if (record.IsUnborn)
            return Enumerable.Range(0, initialRanks).Select(rank => new RankLaunch(group, rank, record.Pending?.Id ?? OperationRequest.BirthId));
        if (record.Pending is { IsCommitted: false } pending)
            return pending.Joiners.Select(rank => new RankLaunch(group, rank, pending.Id));
        return record.Pending is null ? Standbys(record).Select(rank => new RankLaunch(group, rank, Standby)) : [];
    }

    /// <summary>Whether a rank that runs may go on: a member, a leaver that is still needed, a joiner that was started for this very operation, or a standby.</summary>
    public bool IsWanted(GroupRecord record, int rank, string operation)
    {
        if (record.View.Contains(rank) || record.IsUnborn)
            return true;
        if (record.View.IsTerminal)
            return false;
        if (record.Pending is { } pending)
            return pending.Leavers.Contains(rank) || (pending.Joiners.Contains(rank) ? operation == pending.Id || operation == Standby : operation == Standby);
        return operation == Standby && Standbys(record).Contains(rank);
    }

    /// <summary>Whether a running standby becomes a joiner of the operation.</summary>
    public static bool IsAdopted(GroupRecord record, int rank, string operation) =>
        operation == Standby && record.Pending is { IsCommitted: false } pending && pending.Joiners.Contains(rank);

    /// <summary>The lowest free numbers: those that the next growth takes. As many more as members were lost: the coordinator admits them.</summary>
    private IEnumerable<int> Standbys(GroupRecord record) => record.View.Epoch == 0
        ? []
        : Enumerable.Range(0, maxRanks).Where(rank => !record.View.Contains(rank)).Take(standbys + Math.Max(0, record.Wanted - record.View.Members.Length));
}
