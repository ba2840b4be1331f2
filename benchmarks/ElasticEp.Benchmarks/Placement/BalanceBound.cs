namespace ElasticEp.Benchmarks.Placement;

/// <summary>What no placement can better.</summary>
internal static class BalanceBound
{
    /// <summary>Upper bound on balancedness, mean over all layers of all loads.</summary>
    public static double Mean(PlacementCase shape, IEnumerable<float[]> loads) =>
        loads.SelectMany(load => load.Chunk(shape.Experts)).Select(layer => shape.Ranks == 0 ? 0 : Of(layer, shape.Ranks, shape.Ranks * shape.SlotsPerRank, shape.SlotsPerRank)).Average();

    /// <summary>
    /// Two relaxations: loads may be cut anywhere, so only the mean counts; and every expert may have as many copies as keep the
    /// hottest copy coolest, so only that copy counts, next to the coldest ones that must share its rank.
    /// </summary>
    public static double Of(float[] load, int ranks, int slots, int slotsPerRank)
    {
        var mean = load.Sum(value => (double)value) / ranks;
        var copies = load.Select(_ => 1).ToArray();
        for (var spare = slots - load.Length; spare > 0; spare--)
        {
            var hottest = Enumerable.Range(0, load.Length).Where(expert => copies[expert] < ranks).DefaultIfEmpty(-1).MaxBy(expert => expert < 0 ? 0 : load[expert] / copies[expert]);
            if (hottest < 0)
                break;
            copies[hottest]++;
        }

        var top = load.Select((value, expert) => value / (double)copies[expert]).Max();
        return mean == 0 ? 1 : Math.Min(1, mean / Math.Max(mean, top));
    }
}
