using System.Numerics;

namespace ElasticEp.Placement;

/// <summary>Whether the copies of an expert stay spread over the nodes. Without nodes every answer is yes.</summary>
internal readonly struct NodeSpread(PlacementGrid grid, LayerState state)
{
    /// <summary>Whether one more copy on this rank is on a node without one, or every node has one.</summary>
    public bool Welcomes(int rank, int expert) =>
        grid.Nodes == 1 || CopiesOnNode(grid.NodeOf[rank], expert, -1) == 0 || NodesOf(expert, -1) == grid.Nodes;

    /// <summary>Whether the expert is on as many nodes when its copy goes from one rank to the other.</summary>
    public bool AllowsMove(int from, int to, int expert) =>
        grid.Nodes == 1
        || grid.NodeOf[from] == grid.NodeOf[to]
        || CopiesOnNode(grid.NodeOf[from], expert, from) > 0
        || CopiesOnNode(grid.NodeOf[to], expert, from) == 0;

    /// <summary>Whether the copies that remain are on as many nodes as their number allows.</summary>
    public bool AllowsRemoval(int rank, int expert) =>
        grid.Nodes == 1
        || CopiesOnNode(grid.NodeOf[rank], expert, rank) > 0
        || NodesOf(expert, rank) >= Math.Min(grid.Nodes, state.Copies[expert] - 1);

    private int CopiesOnNode(int node, int expert, int without)
    {
        var count = 0;
        var set = state.Holders(expert);
        for (var word = 0; word < set.Length; word++)
        {
            for (var rest = set[word]; rest != 0; rest &= rest - 1)
            {
                var rank = (word << 6) + BitOperations.TrailingZeroCount(rest);
                count += rank != without && grid.NodeOf[rank] == node ? 1 : 0;
            }
        }

        return count;
    }

    private int NodesOf(int expert, int without)
    {
        var count = 0;
        for (var node = 0; node < grid.Nodes; node++)
            count += CopiesOnNode(node, expert, without) > 0 ? 1 : 0;
        return count;
    }
}
