namespace ElasticEp.Placement;

/// <summary>
/// Brings the copies of each expert of a layer onto as many nodes as seats and numbers of copies allow, with both as they are: ranks pass
/// experts around a circle until no circle is left that gains a node. Circles of two, which nearly always suffice, are tried first.
/// </summary>
/// <remarks>
/// It is a minimum-cost flow of copies to seats in which the first copy on a node is free, and a negative cycle of its residual graph is
/// such a circle. Of the experts that would do for one step of a circle, one that saves a transfer or costs none is passed.
/// </remarks>
internal sealed class LayerSpread(PlacementGrid grid, LayerState state)
{
    private const int NoPass = int.MaxValue / 2;
    private int[] _cost = [];   // [from][to]: nodes that the best expert to pass loses; made when a circle is looked for, which is seldom
    private int[] _expert = []; // [from][to]: that expert
    private readonly int[] _distance = new int[grid.Ranks];
    private readonly int[] _parent = new int[grid.Ranks];
    private readonly List<(int From, int To, int Expert)> _circle = [];
    private readonly NodeSpread _nodes = new(grid, state);

    /// <summary>Nodes without a copy of an expert that has enough copies for one there, over all experts.</summary>
    public int Lacking => _nodes.Lacking();

    /// <summary>A node gained outweighs the transfers of any circle.</summary>
    private int Gain => grid.Ranks + 1;

    /// <summary>Repairs the layer; it is complete before and after.</summary>
    public void Repair()
    {
        if (Lacking == 0)
            return;
        for (var expert = 0; expert < grid.Experts; expert++)
        {
            while (_nodes.Lacking(expert) > 0 && Swap(expert))
            {
            }
        }

        while (Lacking > 0 && FindCircle() && PassAround())
        {
        }
    }

    /// <summary>The exchange that gains the expert a node for the fewest transfers and, among those, for the least change of load.</summary>
    private bool Swap(int expert)
    {
        var (best, least, from, to) = (0, double.PositiveInfinity, -1, -1);
        for (var giver = 0; giver < grid.Ranks; giver++)
        {
            for (var taker = 0; state.Holds(giver, expert) && taker < grid.Ranks; taker++)
            {
                if (state.Holds(taker, expert) || _nodes.Change(giver, taker, expert) <= 0)
                    continue;
                var on = state.On(taker);
                for (var position = 0; position < on.Length; position++)
                {
                    var cost = Cost(giver, taker, expert) + Cost(taker, giver, on[position]);
                    var change = Math.Abs(state.Share[expert] - state.Share[on[position]]);
                    if (!state.Holds(giver, on[position]) && (cost < best || (cost == best && cost < 0 && change < least)))
                        (best, least, from, to) = (cost, change, giver, (taker * grid.Width) + position);
                }
            }
        }

        if (best > -Gain / 2)
            return false;
        state.Swap(from, state.On(from).IndexOf(expert), to / grid.Width, to % grid.Width);
        return true;
    }

    /// <summary>What it costs, in transfers, that the copy goes there; nodes count as <see cref="Gain"/>.</summary>
    private int Cost(int from, int to, int expert) =>
        state.CostOf(to, expert) - state.CostOf(from, expert) - (Gain * _nodes.Change(from, to, expert));

    /// <summary>A negative cycle by Bellman and Ford.</summary>
    private bool FindCircle()
    {
        Weigh();
        Array.Clear(_distance);
        Array.Fill(_parent, -1);
        var last = -1;
        for (var round = 0; round < grid.Ranks; round++)
        {
            last = -1;
            for (var from = 0; from < grid.Ranks; from++)
            {
                for (var to = 0; to < grid.Ranks; to++)
                {
                    var distance = _distance[from] + _cost[(from * grid.Ranks) + to];
                    if (distance < _distance[to])
                        (_distance[to], _parent[to], last) = (distance, from, to);
                }
            }

            if (last < 0)
                return false;
        }

        for (var step = 0; step < grid.Ranks; step++)
            last = _parent[last]; // now surely on the cycle
        _circle.Clear();
        var rank = last;
        do
        {
            _circle.Add((_parent[rank], rank, _expert[(_parent[rank] * grid.Ranks) + rank]));
            rank = _parent[rank];
        }
        while (rank != last);
        return true;
    }

    private void Weigh()
    {
        if (_cost.Length == 0)
        {
            _cost = new int[grid.Ranks * grid.Ranks];
            _expert = new int[_cost.Length];
        }

        Array.Fill(_cost, NoPass);
        for (var from = 0; from < grid.Ranks; from++)
        {
            foreach (var expert in state.On(from))
            {
                for (var to = 0; to < grid.Ranks; to++)
                {
                    var edge = (from * grid.Ranks) + to;
                    if (!state.Holds(to, expert) && Cost(from, to, expert) is var cost && cost < _cost[edge])
                        (_cost[edge], _expert[edge]) = (cost, expert);
                }
            }
        }

        for (var edge = 0; edge < _cost.Length; edge++)
            _cost[edge] = _cost[edge] == NoPass ? NoPass : (int)Math.Round(_cost[edge] / (double)Gain); // only nodes count now
    }

    /// <returns>Whether it gained a node; when two of the passed copies are of the same expert, the sum may have promised too much.</returns>
    private bool PassAround()
    {
        var lacking = Lacking;
        Pass(isBack: false);
        if (Lacking < lacking)
            return true;
        Pass(isBack: true);
        return false;
    }

    private void Pass(bool isBack)
    {
        foreach (var (from, to, expert) in _circle)
            state.TakeAt(isBack ? to : from, state.On(isBack ? to : from).IndexOf(expert));
        foreach (var (from, to, expert) in _circle)
            state.Put(isBack ? from : to, expert);
    }
}
