namespace ElasticEp.Tests.Placement;

/// <summary>
/// The most nodes that the copies of a layer's experts can be on, added up over the experts, with the number of copies of each expert and
/// of each rank as they are. A maximum-reward flow: an expert's copies go to nodes, the first one on each for a reward, and on to ranks,
/// at most one to each.
/// </summary>
internal sealed class SpreadBound
{
    private readonly List<(int From, int To, int Reward)> _arcs = [];
    private readonly List<int> _room = []; // of each arc; arc i and arc i ^ 1 are each other's reverse
    private readonly int _vertices;

    private SpreadBound(int vertices) => _vertices = vertices;

    public static int NodesOf(ExpertPlacement placement, int layer, int[] nodeOf)
    {
        var indexOf = placement.Ranks.ToArray().Select((rank, index) => (rank, index)).ToDictionary();
        return Enumerable.Range(0, placement.Experts)
            .Sum(expert => placement.GetReplicas(layer, expert).ToArray().Select(replica => nodeOf[indexOf[replica.Rank]]).Distinct().Count());
    }

    public static int Of(ExpertPlacement placement, int layer, int[] nodeOf)
    {
        var ranks = placement.Ranks.ToArray();
        var (experts, nodes) = (placement.Experts, nodeOf.Max() + 1);
        var flow = new SpreadBound(2 + experts + (experts * nodes) + ranks.Length);
        int Pair(int expert, int node) => 2 + experts + (expert * nodes) + node;
        int Rank(int index) => 2 + experts + (experts * nodes) + index;
        for (var expert = 0; expert < experts; expert++)
        {
            flow.Add(0, 2 + expert, placement.GetReplicas(layer, expert).Length, 0);
            for (var node = 0; node < nodes; node++)
            {
                flow.Add(2 + expert, Pair(expert, node), 1, 1);
                flow.Add(2 + expert, Pair(expert, node), ranks.Length, 0);
            }

            for (var index = 0; index < ranks.Length; index++)
                flow.Add(Pair(expert, nodeOf[index]), Rank(index), 1, 0);
        }

        for (var index = 0; index < ranks.Length; index++)
            flow.Add(Rank(index), 1, placement.Held(layer, ranks[index]).Length, 0);
        return flow.MostReward();
    }

    private void Add(int from, int to, int room, int reward)
    {
        _arcs.Add((from, to, reward));
        _room.Add(room);
        _arcs.Add((to, from, -reward));
        _room.Add(0);
    }

    /// <summary>Of all flows that fill the seats: along the path of most reward, one unit after another.</summary>
    private int MostReward()
    {
        var total = 0;
        while (true)
        {
            var reward = new int[_vertices];
            Array.Fill(reward, int.MinValue);
            reward[0] = 0;
            var by = new int[_vertices];
            for (var hasChanged = true; hasChanged;)
            {
                hasChanged = false;
                for (var arc = 0; arc < _arcs.Count; arc++)
                {
                    var (from, to, more) = _arcs[arc];
                    if (_room[arc] == 0 || reward[from] == int.MinValue || reward[from] + more <= reward[to])
                        continue;
                    (reward[to], by[to], hasChanged) = (reward[from] + more, arc, true);
                }
            }

            if (reward[1] == int.MinValue)
                return total;
            total += reward[1];
            for (var vertex = 1; vertex != 0; vertex = _arcs[by[vertex]].From)
            {
                _room[by[vertex]]--;
                _room[by[vertex] ^ 1]++;
            }
        }
    }
}
