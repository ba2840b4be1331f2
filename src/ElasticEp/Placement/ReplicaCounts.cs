namespace ElasticEp.Placement;

/// <summary>How many copies of each expert one layer is to have.</summary>
internal static class ReplicaCounts
{
    /// <summary>
    /// One copy each, and the rest one by one to the expert with the highest load per copy. Ties, and all experts when the load is
    /// unknown, go to the one with the fewest copies, then to one whose further copy already exists, then to the lowest index.
    /// </summary>
    /// <param name="total">Copies over all experts, at least one each.</param>
    /// <param name="ranks">Ranks; an expert has at most one copy on each.</param>
    /// <param name="kept">Copies of each expert that exist on ranks that stay.</param>
    /// <param name="load">Load of each expert, or empty.</param>
    public static int[] Wanted(int total, int ranks, int[] kept, ReadOnlySpan<float> load)
    {
        var wanted = new int[kept.Length];
        Array.Fill(wanted, 1);
        var queue = new PriorityQueue<int, (float, int, int, int)>(kept.Length);
        for (var expert = 0; expert < kept.Length && ranks > 1; expert++)
            queue.Enqueue(expert, Urgency(expert, 1, kept, load));
        for (var extra = total - kept.Length; extra > 0 && queue.TryDequeue(out var expert, out _); extra--)
        {
            wanted[expert]++;
            if (wanted[expert] < ranks)
                queue.Enqueue(expert, Urgency(expert, wanted[expert], kept, load));
        }

        return wanted;
    }

    private static (float, int, int, int) Urgency(int expert, int copies, int[] kept, ReadOnlySpan<float> load)
    {
        var tokens = load.IsEmpty || !float.IsFinite(load[expert]) ? 0 : Math.Max(0, load[expert]);
        return (-tokens / copies, copies, kept[expert] > copies ? 0 : 1, expert);
    }
}
