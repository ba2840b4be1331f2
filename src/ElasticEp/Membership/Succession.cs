namespace ElasticEp.Membership;

/// <summary>Who coordinates. Pure functions of a view and of who can be reached.</summary>
internal static class Succession
{
    /// <summary>The coordinator of a next view: the present one if it stays, else the lowest rank that stays, else the lowest that joins; −1 for none.</summary>
    public static int NextCoordinator(GroupView current, IEnumerable<int> nextRanks)
    {
        var next = nextRanks.Order().ToArray();
        if (next.Contains(current.Coordinator))
            return current.Coordinator;
        foreach (var rank in next)
        {
            if (current.Contains(rank))
                return rank;
        }

        return next.Length == 0 ? -1 : next[0];
    }

    /// <summary>Who leads a recovery: the coordinator, or the lowest member that is not lost when the coordinator is.</summary>
    public static int Proposer(GroupView view, IReadOnlySet<int> lost)
    {
        if (!lost.Contains(view.Coordinator))
            return view.Coordinator;
        foreach (var member in view.Members)
        {
            if (!lost.Contains(member.Rank))
                return member.Rank;
        }

        return view.Coordinator;
    }
}
