namespace ElasticEp.Runtime;

/// <summary>Why a group cannot go on without some of its members. Pure.</summary>
internal static class GroupObstacle
{
    /// <param name="view">The view in use.</param>
    /// <param name="lost">Its members that are lost.</param>
    /// <param name="options">A view with fewer than MinRanks, or with fewer slots than experts, is not committed.</param>
    /// <returns>In words that follow "rank 2 is lost, ": what is missing; null when the others can go on.</returns>
    public static string? Find(GroupView view, IReadOnlyList<int> lost, ElasticEpOptions options)
    {
        if (lost.Count == 0)
            return null;
        var kept = view.Members.Length - lost.Count;
        if (kept < options.MinRanks)
            return $"and a group of {kept} ranks is below MinRanks = {options.MinRanks}";
        return (long)kept * options.SlotsPerRank < view.Placement.Experts
            ? $"and {kept} ranks of SlotsPerRank = {options.SlotsPerRank} cannot hold {view.Placement.Experts} experts"
            : null; // what has lost its last copy is loaded again
    }
}
