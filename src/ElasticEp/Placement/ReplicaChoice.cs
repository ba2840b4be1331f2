namespace ElasticEp.Placement;

/// <summary>
/// Which copy of an expert a token goes to. It depends on the view, the token and the sender alone, so every attempt of a step sends the
/// same rows to the same ranks. The receiver is told the slot, and need not know the rule.
/// <para>
/// A rank chooses among its own active copies; without any, among those on ranks of its own node (<see cref="GroupMember.Node"/>; an
/// unknown node is nobody's); without any, among all. Among several it is (token + rank) mod their number, which spreads tokens and has
/// the senders begin at different copies. A passive copy is never chosen, not even one's own.
/// </para>
/// </summary>
internal static class ReplicaChoice
{
    /// <param name="among">What <see cref="Among"/> has found; at least one.</param>
    /// <param name="rank">The rank whose token it is.</param>
    /// <param name="token">The token's place in its batch.</param>
    public static ExpertReplica Choose(ReadOnlySpan<ExpertReplica> among, int rank, int token) => among[(int)((uint)(token + rank) % (uint)among.Length)];

    /// <summary>The copies among which a rank chooses.</summary>
    /// <param name="copies">The active copies of the expert, by ascending rank.</param>
    /// <param name="view">The view that they are of.</param>
    /// <param name="rank">The rank, a member.</param>
    public static ReadOnlySpan<ExpertReplica> Among(ReadOnlySpan<ExpertReplica> copies, GroupView view, int rank)
    {
        if (copies.Length <= 1)
            return copies;
        var own = OnRank(copies, rank);
        if (!own.IsEmpty)
            return own;
        var node = view.Find(rank)?.Node ?? "";
        if (node.Length == 0)
            return copies;
        var near = new List<ExpertReplica>();
        foreach (var copy in copies)
        {
            if (view.Find(copy.Rank)?.Node == node)
                near.Add(copy);
        }

        return near.Count > 0 ? near.ToArray() : copies;
    }

    /// <summary>They lie together, as copies ascend by rank.</summary>
    private static ReadOnlySpan<ExpertReplica> OnRank(ReadOnlySpan<ExpertReplica> copies, int rank)
    {
        var first = 0;
        while (first < copies.Length && copies[first].Rank < rank)
            first++;
        var end = first;
        while (end < copies.Length && copies[end].Rank == rank)
            end++;
        return copies[first..end];
    }
}
