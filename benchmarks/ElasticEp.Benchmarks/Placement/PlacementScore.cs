namespace ElasticEp.Benchmarks.Placement;

/// <summary>How good a placement is, and how far it is from another one.</summary>
internal static class PlacementScore
{
    /// <summary>Mean over max load of the ranks in one layer, 1.0 is perfect; an expert's load splits evenly over its slots.</summary>
    public static double Balancedness(ExpertPlacement placement, ReadOnlySpan<float> load, int layer)
    {
        var (most, sum) = (0.0, 0.0);
        foreach (var rank in placement.Ranks)
        {
            var rankLoad = 0.0;
            foreach (var expert in placement.GetSlots(layer, rank))
            {
                if (expert >= 0)
                    rankLoad += load[(layer * placement.Experts) + expert] / (double)placement.GetReplicas(layer, expert).Length;
            }

            most = Math.Max(most, rankLoad);
            sum += rankLoad;
        }

        return most == 0 ? 1 : sum / placement.Ranks.Length / most;
    }

    /// <summary>Balancedness of every layer.</summary>
    public static IEnumerable<double> Balancedness(ExpertPlacement placement, float[] load) =>
        Enumerable.Range(0, placement.Layers).Select(layer => Balancedness(placement, load, layer));

    /// <summary>Experts that a rank holds now and did not before.</summary>
    public static int Moved(ExpertPlacement before, ExpertPlacement after)
    {
        var moved = 0;
        for (var layer = 0; layer < after.Layers; layer++)
        {
            foreach (var rank in after.Ranks)
                moved += after.GetSlots(layer, rank).ToArray().Where(expert => expert >= 0).Distinct().Except(before.GetSlots(layer, rank).ToArray()).Count();
        }

        return moved;
    }

    /// <summary>
    /// Fewest transfers to any placement with as many copies on each rank: per layer the experts that no rank of the new view has, or
    /// the copies by which ranks hold fewer now, whichever is more.
    /// </summary>
    public static int LowerBound(ExpertPlacement before, ExpertPlacement after)
    {
        var bound = 0;
        for (var layer = 0; layer < after.Layers; layer++)
        {
            var present = new HashSet<int>();
            var lacking = 0;
            foreach (var rank in after.Ranks)
            {
                var held = before.GetSlots(layer, rank).ToArray().Where(expert => expert >= 0).Distinct().ToArray();
                present.UnionWith(held);
                lacking += Math.Max(0, after.GetSlots(layer, rank).ToArray().Where(expert => expert >= 0).Distinct().Count() - held.Length);
            }

            bound += Math.Max(after.Experts - present.Count, lacking);
        }

        return bound;
    }
}
