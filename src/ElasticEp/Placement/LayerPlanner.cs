namespace ElasticEp.Placement;

/// <summary>Plans the layers of one request with <see cref="MinimalMove"/>'s rules, one after another with the same memory.</summary>
internal sealed class LayerPlanner
{
    private const double Enough = 0.9955;          // A balancedness that nothing published betters by 0.005.
    private const double Fair = 0.962;             // Sought where the greedy packing does worse.
    private const double Slack = 0.004;            // What the greedy packing may be better by.
    /// <summary>As many single steps as it takes, and no new layout.</summary>
    public const int SingleSteps = int.MaxValue - 1;

    private readonly PlacementRequest _request;
    private readonly MinimalMoveStages _stages;
    private readonly PlacementGrid _grid;
    private readonly LayerState _state;
    private readonly LayerBaseline _baseline;
    private readonly LayerSearch _search;
    private readonly GreedyBound _bound;
    private readonly LayerState _greedy;           // the layout that load alone would give
    private readonly LayerBaseline _greedyBaseline;
    private readonly LayerState _other;            // a second way, for layers in which single steps do not suffice
    private readonly LayerBaseline _otherBaseline;
    private readonly LayerSearch _otherSearch;
    private readonly LayerSpread _spread;
    private readonly LayerSpread _otherSpread;
    private readonly LayerRelabel _relabel;
    private readonly int[] _placed;                // [expert]: stamp of the row in which it has a slot
    private readonly List<int> _rest = [];
    private int _stamp;

    public LayerPlanner(PlacementRequest request, MinimalMoveStages stages = MinimalMoveStages.All)
    {
        _request = request;
        _stages = stages;
        _grid = new PlacementGrid(request);
        _state = new LayerState(_grid);
        _baseline = new LayerBaseline(_grid, _state);
        _search = new LayerSearch(_grid, _state, stages);
        _bound = new GreedyBound(_grid);
        _greedy = new LayerState(_grid);
        _greedyBaseline = new LayerBaseline(_grid, _greedy);
        _other = new LayerState(_grid);
        _otherBaseline = new LayerBaseline(_grid, _other);
        _otherSearch = new LayerSearch(_grid, _other, stages);
        _spread = new LayerSpread(_grid, _state);
        _otherSpread = new LayerSpread(_grid, _other);
        _relabel = new LayerRelabel(_grid);
        _placed = new int[_grid.Experts];
    }

    /// <summary>Whether single steps did not suffice for the layer that was planned last.</summary>
    public bool HasStalled { get; private set; }

    /// <summary>Plans one layer.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="maxSteps">Most steps for balance that cost transfers; <see cref="int.MaxValue"/>: as many as it takes, or a new layout.</param>
    /// <param name="path">Gets where the layer stands without such a step, after each, and in the end; null when nobody asks.</param>
    /// <returns>Slots, <c>[index of rank][slot]</c>.</returns>
    public int[][] Plan(int layer, int maxSteps, List<PathPoint>? path = null)
    {
        HasStalled = false;
        var load = LoadOf(layer);
        Keep(layer, load);
        var seats = SeatCounts.Even(_grid.Total, _grid.Capacity, _state.Count, layer);
        _baseline.Complete(seats);
        _spread.Repair();
        if (!load.IsEmpty)
            return Slots(layer, Improve(seats, maxSteps, path));
        path?.Add(new PathPoint(0, _state.Cost, _state.MaxLoad)); // Nobody knows what would be better.
        return Slots(layer, _state);
    }

    private LayerState Improve(int[] seats, int maxSteps, List<PathPoint>? path)
    {
        var most = 4 * _grid.Total;
        if (_state.Cost > 0 && Has(MinimalMoveStages.FreeSteps))
            _search.Run(_state.MeanLoad, 0, most); // What must move anyway can be somewhere better at no cost.
        path?.Add(new PathPoint(0, _state.Cost, _state.MaxLoad));
        if (maxSteps == 0)
            return _state;
        var greedy = _bound.MaxLoad(_state.Weight, seats);
        var target = _state.MeanLoad / (Has(MinimalMoveStages.GreedyTarget) ? Math.Min(Enough, Math.Max(Fair, (_state.MeanLoad / greedy) - Slack)) : Enough);
        _other.CopyFrom(_state);
        _search.Run(target, 2, Math.Min(most, maxSteps), path);
        var enough = Math.Max(target, greedy * (1 + Slack));
        HasStalled = _state.MaxLoad > enough;
        if (maxSteps < int.MaxValue || !HasStalled)
            return _state;
        var hasOther = Has(MinimalMoveStages.Recount) && _otherBaseline.Recount(_bound.Copies, seats);
        var suffices = hasOther && Search(target, enough);
        if (!suffices && Has(MinimalMoveStages.NewLayout))
        {
            LayOutAnew(seats);
            suffices = Search(target, enough);
            hasOther = true;
        }

        if (!hasOther || (!suffices && _other.MaxLoad * (1 + Slack) >= _state.MaxLoad))
            return _state;
        if (_otherSpread.Lacking > _spread.Lacking)
            return _state;
        path?.Add(new PathPoint(int.MaxValue, _other.Cost, _other.MaxLoad));
        return _other;
    }

    private bool Has(MinimalMoveStages stage) => (_stages & stage) != 0;

    private bool Search(double target, double enough)
    {
        _otherSpread.Repair();
        _otherSearch.Run(target, 2, 4 * _grid.Total);
        return _other.MaxLoad <= enough;
    }

    /// <summary>From the load alone, and then on the ranks that hold most of it.</summary>
    private void LayOutAnew(ReadOnlySpan<int> seats)
    {
        _greedy.CopyFrom(_state);
        _greedy.Empty();
        _greedyBaseline.Complete(seats);
        if (Has(MinimalMoveStages.Relabel))
            _relabel.Apply(_greedy, _other);
        else
            _other.CopyFrom(_greedy);
        _other.SplitInto(_other.Copies);
    }

    /// <summary>Load of each expert; empty when it is unknown or nothing was routed.</summary>
    private ReadOnlySpan<float> LoadOf(int layer)
    {
        if (_request.Load.IsEmpty)
            return [];
        var load = _request.Load.Span.Slice(layer * _grid.Experts, _grid.Experts);
        return load.ContainsAnyExcept(0f) ? load : [];
    }

    private void Keep(int layer, ReadOnlySpan<float> load)
    {
        _state.Begin(load);
        if (_request.Current.Layers == 0)
        {
            if (load.IsEmpty)
                FillContiguously(layer);
            return;
        }

        for (var index = 0; index < _grid.Ranks; index++)
        {
            foreach (var expert in _request.Current.GetSlots(layer, _request.Ranks[index].Rank))
            {
                if (expert >= 0 && !_state.HeldBefore(index, expert))
                {
                    _state.MarkBefore(index, expert);
                    if (_state.Count[index] < _grid.Width)
                        _state.Put(index, expert);
                }
            }
        }
    }

    /// <summary>At the birth of a group each rank gets a run of experts.</summary>
    private void FillContiguously(int layer)
    {
        var runs = SeatCounts.Even(_grid.Experts, _grid.Capacity, _state.Count, layer);
        var expert = 0;
        for (var index = 0; index < runs.Length; index++)
        {
            for (var seat = 0; seat < runs[index]; seat++)
                _state.Put(index, expert++);
        }
    }

    /// <summary>What stays keeps its slot; the rest takes the free ones in order.</summary>
    private int[][] Slots(int layer, LayerState state)
    {
        var slots = new int[_grid.Ranks][];
        for (var index = 0; index < slots.Length; index++)
        {
            var row = slots[index] = new int[_request.Ranks[index].Slots];
            Array.Fill(row, -1);
            _stamp++;
            var before = _request.Current.Layers == 0 ? [] : _request.Current.GetSlots(layer, _request.Ranks[index].Rank);
            for (var slot = 0; slot < Math.Min(before.Length, row.Length); slot++)
            {
                if (before[slot] >= 0 && _placed[before[slot]] != _stamp && state.Holds(index, before[slot]))
                    (row[slot], _placed[before[slot]]) = (before[slot], _stamp);
            }

            PlaceOthers(row, state.On(index));
        }

        return slots;
    }

    private void PlaceOthers(int[] row, ReadOnlySpan<int> experts)
    {
        _rest.Clear();
        foreach (var expert in experts)
        {
            if (_placed[expert] != _stamp)
                _rest.Add(expert);
        }

        _rest.Sort();
        var slot = 0;
        foreach (var expert in _rest)
        {
            while (row[slot] >= 0)
                slot++;
            row[slot] = expert;
        }
    }
}
