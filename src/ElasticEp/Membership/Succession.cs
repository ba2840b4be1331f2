namespace ElasticEp.Membership;

/// <summary>Who coordinates. Pure functions of a view and of who can be reached.</summary>
internal static class Succession
{
    /// <summary>The coordinator of a next view: the present one if it stays, else the lowest rank that stays, else the lowest that joins; −1 for none.</summary>
    public static int NextCoordinator(GroupView current, IReadOnlyCollection<GroupMember> next)
    {
        var stays = next.Where(member => current.Contains(member.Id)).Select(member => member.Rank).Order().ToArray();
        if (stays.Contains(current.Coordinator))
            return current.Coordinator;
        if (stays.Length > 0)
            return stays[0];
        return next.Count == 0 ? -1 : next.Min(member => member.Rank);
    }

    /// <summary>Who leads a recovery: the coordinator, or the lowest member that is not lost when the coordinator is; null without members.</summary>
    public static MemberId? Leader(GroupView view, PeerCore peers)
    {
        if (view.Find(view.Coordinator) is not { } coordinator)
            return null;
        if (!peers.IsLost(coordinator.Id))
            return coordinator.Id;
        foreach (var member in view.Members)
        {
            if (!peers.IsLost(member.Id))
                return member.Id;
        }

        return coordinator.Id;
    }
}
