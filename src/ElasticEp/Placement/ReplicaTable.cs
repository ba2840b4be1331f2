namespace ElasticEp.Placement;

/// <summary>The copies of each expert of one layer, by ascending rank, then slot.</summary>
internal readonly struct ReplicaTable
{
    private readonly ExpertReplica[] _replicas; // of expert 0, then of expert 1, …
    private readonly int[] _starts; // [expert]: where its copies begin; the last one is where they end

    /// <param name="experts">Logical experts of the layer.</param>
    /// <param name="ranks">The ranks, ascending.</param>
    /// <param name="slots">Logical expert or −1, as <c>[index into ranks][slot]</c>.</param>
    /// <param name="passive">Which copies are left out, in the same shape; null for none.</param>
    public ReplicaTable(int experts, ReadOnlySpan<int> ranks, int[][] slots, bool[][]? passive = null)
    {
        // Counts the copies of each expert, and then puts each where its expert's begin.
        var starts = new int[experts + 1];
        for (var index = 0; index < slots.Length; index++)
        {
            for (var slot = 0; slot < slots[index].Length; slot++)
            {
                if (slots[index][slot] is var expert and >= 0 && passive?[index][slot] != true)
                    starts[expert + 1]++;
            }
        }

        for (var expert = 0; expert < experts; expert++)
            starts[expert + 1] += starts[expert];
        var replicas = new ExpertReplica[starts[experts]];
        for (var index = slots.Length - 1; index >= 0; index--)
        {
            for (var slot = slots[index].Length - 1; slot >= 0; slot--)
            {
                // From the back: what was the end of an expert's copies becomes their beginning.
                if (slots[index][slot] is var expert and >= 0 && passive?[index][slot] != true)
                    replicas[--starts[expert + 1]] = new ExpertReplica(ranks[index], slot);
            }
        }

        starts.AsSpan(1).CopyTo(starts);
        starts[experts] = replicas.Length;
        (_replicas, _starts) = (replicas, starts);
    }

    public ReadOnlySpan<ExpertReplica> Of(int expert) => _replicas.AsSpan(_starts[expert].._starts[expert + 1]);
}
