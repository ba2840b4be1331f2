namespace ElasticEp.Runtime;

/// <summary>Why a group cannot go on without some of its members. Pure.</summary>
internal static class GroupObstacle
{
    private const int Named = 8; // experts

    /// <param name="view">The view in use.</param>
    /// <param name="lost">Its members that are lost.</param>
    /// <param name="minRanks">A view with fewer ranks is not committed.</param>
    /// <returns>In words that follow "rank 2 is lost, ": what is missing; null when the others can go on.</returns>
    public static string? Find(GroupView view, IReadOnlyList<int> lost, int minRanks)
    {
        if (lost.Count == 0)
            return null;
        var kept = view.Members.Length - lost.Count;
        if (kept < minRanks)
            return $"and a group of {kept} ranks is below MinRanks = {minRanks}";
        var missing = Missing(view.Placement, lost).ToArray();
        if (missing.Length == 0)
            return null;
        var (layer, _) = missing[0];
        var named = missing.Where(each => each.Layer == layer).Select(each => each.Expert).Take(Named).ToArray();
        return $"and no other rank has expert {string.Join(", ", named)} of MoE layer {layer}{(missing.Length > named.Length ? $" and {missing.Length - named.Length} more" : "")}";
    }

    private static IEnumerable<(int Layer, int Expert)> Missing(ExpertPlacement placement, IReadOnlyList<int> lost)
    {
        for (var layer = 0; layer < placement.Layers; layer++)
        {
            var kept = new HashSet<int>();
            foreach (var rank in placement.Ranks.ToArray().Except(lost))
                kept.UnionWith(placement.GetSlots(layer, rank).ToArray());
            for (var expert = 0; expert < placement.Experts; expert++)
            {
                if (!kept.Contains(expert))
                    yield return (layer, expert);
            }
        }
    }
}
