using System.Numerics;

namespace ElasticEp.Placement;

/// <summary>On how many nodes the copies of an expert are, and whether a change would leave them on fewer. Without nodes every answer is yes.</summary>
internal readonly struct NodeSpread(PlacementGrid grid, LayerState state)
{
    /// <summary>Whether one more copy on this rank is on a node without one, or every node has one.</summary>
    public bool Welcomes(int rank, int expert) =>
        grid.Nodes == 1 || CopiesOn(grid.NodeOf[rank], expert) == 0 || NodesOf(expert) == grid.Nodes;

    /// <summary>Whether the expert is on as many nodes when its copy goes from one rank to the other.</summary>
    public bool AllowsMove(int from, int to, int expert) => grid.Nodes == 1 || Change(from, to, expert) >= 0;

    /// <summary>Whether the copies that remain are on as many nodes as their number allows.</summary>
    public bool AllowsRemoval(int rank, int expert) =>
        grid.Nodes == 1
        || CopiesOn(grid.NodeOf[rank], expert) > 1
        || NodesOf(expert) - 1 >= Math.Min(grid.Nodes, state.Copies[expert] - 1);

    /// <summary>Nodes that the expert gains, or loses, when its copy goes from one rank to the other: 1, 0 or −1.</summary>
    public int Change(int from, int to, int expert)
    {
        if (grid.NodeOf[from] == grid.NodeOf[to])
            return 0;
        var lost = CopiesOn(grid.NodeOf[from], expert) == 1 ? 1 : 0;
        return (CopiesOn(grid.NodeOf[to], expert) == 0 ? 1 : 0) - lost;
    }

    /// <summary>Nodes that the expert has no copy on and could have one, by the number of its copies.</summary>
    public int Lacking(int expert) => Math.Min(grid.Nodes, state.Copies[expert]) - NodesOf(expert);

    /// <summary>The same of all experts.</summary>
    public int Lacking()
    {
        var lacking = 0;
        for (var expert = 0; grid.Nodes > 1 && expert < grid.Experts; expert++)
            lacking += state.Copies[expert] > 1 ? Lacking(expert) : 0;
        return lacking;
    }

    private int NodesOf(int expert)
    {
        Span<ulong> seen = stackalloc ulong[(grid.Nodes + 63) / 64];
        seen.Clear();
        var holders = state.Holders(expert);
        var count = 0;
        for (var word = 0; word < holders.Length; word++)
        {
            for (var rest = holders[word]; rest != 0; rest &= rest - 1)
            {
                var node = grid.NodeOf[(word << 6) + BitOperations.TrailingZeroCount(rest)];
                ref var set = ref seen[node >> 6];
                count += (set >> (node & 63) & 1) == 0 ? 1 : 0;
                set |= 1UL << (node & 63);
            }
        }

        return count;
    }

    private int CopiesOn(int node, int expert)
    {
        var holders = state.Holders(expert);
        var members = grid.RanksOf(node);
        var count = 0;
        for (var word = 0; word < holders.Length; word++)
            count += BitOperations.PopCount(holders[word] & members[word]);
        return count;
    }
}
