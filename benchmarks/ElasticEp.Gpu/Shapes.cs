namespace ElasticEp.Gpu;

/// <summary>Lists for the benchmarks, from a fixed seed.</summary>
internal static class Shapes
{
    public const int TopK = 8;

    private static readonly Random Seeded = new(4711);

    /// <summary>0 … count − 1 in another order.</summary>
    public static int[] Shuffle(int count)
    {
        var list = Enumerable.Range(0, count).ToArray();
        Seeded.Shuffle(list);
        return list;
    }

    public static float[] Weights(int count) => [.. Enumerable.Range(0, count).Select(_ => (Seeded.NextSingle() / 4) + 0.05f)];

    /// <summary>Different experts for each token, chosen evenly.</summary>
    public static int[] Experts(int tokens, int experts)
    {
        var ids = new int[tokens * TopK];
        for (var token = 0; token < tokens; token++)
        {
            var chosen = new HashSet<int>();
            while (chosen.Count < TopK)
                chosen.Add(Seeded.Next(experts));
            chosen.CopyTo(ids, token * TopK);
        }

        return ids;
    }
}
