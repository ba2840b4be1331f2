namespace ElasticEp.Benchmarks.Placement;

/// <summary>What no placement can better.</summary>
internal static class BalanceBound
{
    /// <summary>Upper bound on balancedness, mean over all layers of all loads.</summary>
    public static double Mean(PlacementCase shape, IEnumerable<float[]> loads) =>
        loads.SelectMany(load => load.Chunk(shape.Experts)).Select(layer => Of(layer, shape.Ranks, shape.Ranks * shape.SlotsPerRank)).Average();

    /// <summary>
    /// A relaxation: loads may be cut anywhere, so no rank need have more than the mean, except that one rank holds the hottest copy,
    /// and no numbers of copies make that cooler than giving each further copy to the expert with the most load per copy.
    /// </summary>
    public static double Of(float[] load, int ranks, int slots)
    {
        var mean = load.Sum(value => (double)value) / ranks;
        var copies = load.Select(_ => 1).ToArray();
        for (var spare = slots - load.Length; spare > 0; spare--)
        {
            var hottest = Enumerable.Range(0, load.Length).MaxBy(expert => load[expert] / copies[expert]);
            if (copies[hottest] == ranks)
                break; // The hottest copy is on every rank: it cannot become cooler.
            copies[hottest]++;
        }

        var top = load.Select((value, expert) => value / (double)copies[expert]).Max();
        return mean == 0 ? 1 : mean / Math.Max(mean, top);
    }

    /// <summary>
    /// The best balancedness of all placements that use every slot, by branch and bound over all numbers of copies and all ways to put them on
    /// ranks, none twice on the same. For small cases only.
    /// </summary>
    public static double Exact(float[] load, int ranks, int slotsPerRank)
    {
        var search = new ExactSearch(load, ranks, slotsPerRank);
        return load.Sum(value => (double)value) / ranks / search.LeastMaxLoad();
    }
}
