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
    /// <param name="copies">The active copies of the expert, by ascending rank; at least one.</param>
    /// <param name="view">The view that they are of.</param>
    /// <param name="rank">The rank whose token it is, a member.</param>
    /// <param name="token">The token's place in its batch.</param>
    public static ExpertReplica Choose(ReadOnlySpan<ExpertReplica> copies, GroupView view, int rank, int token)
    {
        if (copies.Length == 1)
            return copies[0];
        var turn = (uint)(token + rank);
        var own = OnRank(copies, rank);
        if (!own.IsEmpty)
            return own[(int)(turn % (uint)own.Length)];
        var node = view.Find(rank)?.Node ?? "";
        var near = node.Length == 0 ? 0 : CountOn(node, copies, view);
        return near == 0 ? copies[(int)(turn % (uint)copies.Length)] : NthOn(node, (int)(turn % (uint)near), copies, view);
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

    private static int CountOn(string node, ReadOnlySpan<ExpertReplica> copies, GroupView view)
    {
        var count = 0;
        foreach (var copy in copies)
            count += IsOn(node, copy, view) ? 1 : 0;
        return count;
    }

    private static ExpertReplica NthOn(string node, int number, ReadOnlySpan<ExpertReplica> copies, GroupView view)
    {
        var index = 0;
        while (!IsOn(node, copies[index], view) || number-- > 0)
            index++;
        return copies[index];
    }

    private static bool IsOn(string node, ExpertReplica copy, GroupView view) => view.Find(copy.Rank)?.Node == node;
}
