namespace ElasticEp.Placement;

/// <summary>How many experts each rank is to hold in one layer.</summary>
internal static class SeatCounts
{
    /// <summary>
    /// Splits <paramref name="total"/> as evenly as the caps allow: every rank gets the same level, ranks with a lower cap their cap,
    /// and what does not divide goes first to ranks that already hold more than the level (nothing must move for it), then
    /// in turn, from another rank in each layer, so that no rank is the heavier one in all of them.
    /// </summary>
    /// <param name="total">Experts to seat; more than the caps hold is cut.</param>
    /// <param name="caps">Most that each rank can hold.</param>
    /// <param name="held">What each rank holds now.</param>
    /// <param name="layer">The layer; decides where the turn starts.</param>
    public static int[] Even(int total, ReadOnlySpan<int> caps, int[] held, int layer)
    {
        var level = Level(total, caps);
        var seats = new int[caps.Length];
        var open = new List<int>();
        for (var index = 0; index < caps.Length; index++)
        {
            seats[index] = Math.Min(caps[index], level);
            total -= seats[index];
            if (caps[index] > level)
                open.Add(index);
        }

        var ranks = caps.Length;
        var start = ranks == 0 ? 0 : layer % ranks;
        foreach (var index in open.OrderBy(index => held[index] > level ? 0 : 1).ThenBy(index => (index - start + ranks) % ranks).Take(total))
            seats[index]++;
        return seats;
    }

    private static int Level(int total, ReadOnlySpan<int> caps)
    {
        var level = 0;
        var highest = 0;
        foreach (var cap in caps)
            highest = Math.Max(highest, cap);
        while (level < highest && Filled(level + 1, caps) <= total)
            level++;
        return level;
    }

    private static long Filled(int level, ReadOnlySpan<int> caps)
    {
        long filled = 0;
        foreach (var cap in caps)
            filled += Math.Min(cap, level);
        return filled;
    }
}
