namespace ElasticEp.Placement;

/// <summary>
/// The fewest moves of one layer: what is held stays, every rank gets its seats, every expert its copies. Ranks with more than their
/// seats give up copies, coldest first; copies that lie nowhere yet go, hottest first, to the rank with the least load that has a seat.
/// </summary>
internal sealed partial class LayerBaseline(PlacementGrid grid, LayerState state)
{
    private readonly int[] _wanted = new int[grid.Experts];
    private readonly double[] _shares = new double[grid.Experts]; // load per wanted copy; −1 when there is one on every rank
    private readonly double[] _open = new double[grid.Ranks];      // load of ranks with a free seat
    private readonly ulong[] _pending = new ulong[grid.Total];
    private readonly NodeSpread _nodes = new(grid, state);

    /// <summary>Completes the layer. The state has what each rank keeps, at most its seats after what it gives up here.</summary>
    /// <param name="seats">Copies that each rank is to have; together the total.</param>
    public void Complete(ReadOnlySpan<int> seats)
    {
        for (var expert = 0; expert < _wanted.Length; expert++)
            _wanted[expert] = Math.Max(grid.Depth, state.Copies[expert]);
        state.SplitInto(_wanted);
        ShedAll(seats);
        var free = MakeRoom(seats);
        if (free == 0)
            return;
        AddReplicas(free, seats);
        state.SplitInto(_wanted);
        if (!Place(seats))
            Rebuild(seats);
    }

    /// <summary>Gives a complete layer other numbers of copies; only what these change moves.</summary>
    /// <param name="copies">Copies of each expert; together the total.</param>
    /// <param name="seats">Copies that each rank is to have.</param>
    /// <returns>False when the copies do not fit; the state is of no use then.</returns>
    public bool Recount(ReadOnlySpan<int> copies, ReadOnlySpan<int> seats)
    {
        state.Copies.CopyTo(_wanted, 0);
        for (var expert = 0; expert < _wanted.Length; expert++)
        {
            while (state.Copies[expert] > Math.Max(copies[expert], grid.Depth))
                TakeFromFullest(expert);
        }

        for (var expert = 0; expert < _wanted.Length; expert++)
            _wanted[expert] = Math.Max(copies[expert], grid.Depth);
        state.SplitInto(_wanted);
        return Place(seats);
    }

    /// <summary>One copy each, and further ones as long as there are seats: hottest first.</summary>
    private void AddReplicas(int free, ReadOnlySpan<int> seats)
    {
        for (var expert = 0; expert < _wanted.Length; expert++)
        {
            _wanted[expert] = Math.Max(state.Copies[expert], grid.Depth);
            free -= _wanted[expert] - state.Copies[expert];
        }

        for (var expert = 0; expert < _wanted.Length; expert++)
            _shares[expert] = state.Weight[expert] / _wanted[expert];
        while (free > 0)
        {
            var hottest = FirstOf.Highest<double>(_shares);
            if (_shares[hottest] < 0)
                return; // Every rank with a free seat has everything that was given copies; the seats are filled in the end.
            if (!HasRoom(hottest, _wanted[hottest] - state.Copies[hottest], seats))
            {
                _shares[hottest] = -1;
                continue;
            }

            free--;
            _wanted[hottest]++;
            _shares[hottest] = state.Weight[hottest] / _wanted[hottest];
        }
    }

    /// <summary>Whether one more than so many ranks have a free seat and lack the expert.</summary>
    private bool HasRoom(int expert, int copies, ReadOnlySpan<int> seats)
    {
        for (var rank = 0; rank < seats.Length && copies >= 0; rank++)
            copies -= state.Count[rank] < seats[rank] && !state.Holds(rank, expert) ? 1 : 0;
        return copies < 0;
    }

    private bool Place(ReadOnlySpan<int> seats)
    {
        for (var rank = 0; rank < seats.Length; rank++)
            Open(rank, seats);
        foreach (var entry in Pending())
        {
            var expert = (int)(uint)entry;
            var rank = Lightest(expert, seats);
            if (rank < 0 && _wanted[expert] > grid.Depth)
            {
                _wanted[expert]--; // Its seat goes to another expert below.
                continue;
            }

            if (rank < 0)
                rank = Exchange(expert, seats);
            if (rank < 0)
                return false;
            PutOn(rank, expert, seats);
        }

        FillUp(seats);
        return true;
    }

    /// <summary>Copies that lie nowhere yet, hottest first.</summary>
    private Span<ulong> Pending()
    {
        var count = 0;
        for (var expert = 0; expert < _wanted.Length; expert++)
        {
            var key = ((ulong)~BitConverter.SingleToUInt32Bits((float)state.Share[expert]) << 32) | (uint)expert;
            for (var copy = state.Copies[expert]; copy < _wanted[expert]; copy++)
                _pending[count++] = key;
        }

        var pending = _pending.AsSpan(0, count);
        pending.Sort();
        return pending;
    }

    /// <summary>The least loaded rank with a free seat that lacks the expert, if it can be on a node that lacks it too; or −1.</summary>
    private int Lightest(int expert, ReadOnlySpan<int> seats)
    {
        var first = FirstOf.Lowest<double>(_open);
        if (_open[first] < double.PositiveInfinity && !state.Holds(first, expert) && _nodes.Welcomes(first, expert))
            return first;
        var (lightest, isWelcome) = (-1, false);
        for (var rank = 0; rank < seats.Length; rank++)
        {
            if (state.Count[rank] >= seats[rank] || state.Holds(rank, expert))
                continue;
            var welcome = _nodes.Welcomes(rank, expert);
            if (lightest < 0 || (welcome && !isWelcome) || (welcome == isWelcome && state.Load[rank] < state.Load[lightest]))
                (lightest, isWelcome) = (rank, welcome);
        }

        return lightest;
    }

    private void PutOn(int rank, int expert, ReadOnlySpan<int> seats)
    {
        state.Put(rank, expert);
        Open(rank, seats);
    }

    private void Open(int rank, ReadOnlySpan<int> seats) => _open[rank] = state.Count[rank] < seats[rank] ? state.Load[rank] : double.PositiveInfinity;

    /// <summary>
    /// Every rank with a free seat holds the expert already: another rank passes one of its own to such a seat and takes the expert
    /// instead; at best one that costs no transfer more.
    /// </summary>
    /// <returns>The rank that now has room for the expert, or −1.</returns>
    private int Exchange(int expert, ReadOnlySpan<int> seats)
    {
        var (best, from, to) = (int.MaxValue, -1, -1);
        for (var taker = 0; taker < seats.Length; taker++)
        {
            for (var giver = 0; giver < seats.Length && state.Count[taker] < seats[taker]; giver++)
            {
                var on = state.On(giver);
                for (var position = 0; position < on.Length && !state.Holds(giver, expert); position++)
                {
                    var cost = state.CostOf(taker, on[position]) - state.CostOf(giver, on[position]);
                    if (!state.Holds(taker, on[position]) && cost < best)
                        (best, from, to) = (cost, (giver * grid.Width) + position, taker);
                }
            }
        }

        if (from < 0)
            return -1;
        var passed = state.Held[from];
        state.TakeAt(from / grid.Width, from % grid.Width);
        PutOn(to, passed, seats);
        return from / grid.Width;
    }

    /// <summary>Seats that are still free get the hottest experts that their ranks lack.</summary>
    private void FillUp(ReadOnlySpan<int> seats)
    {
        for (var rank = 0; rank < seats.Length; rank++)
        {
            while (state.Count[rank] < seats[rank])
            {
                var hottest = -1;
                for (var expert = 0; expert < _wanted.Length; expert++)
                {
                    if (!state.Holds(rank, expert) && (hottest < 0 || state.Share[expert] > state.Share[hottest]))
                        hottest = expert;
                }

                state.Put(rank, hottest);
                _wanted[hottest] = state.Copies[hottest];
                state.SplitInto(_wanted);
            }
        }

        state.SplitInto(state.Copies);
    }

    /// <summary>
    /// Seats that differ much and copies that must survive losses may leave no single exchange. Then the layer is laid out anew:
    /// every expert to the ranks with the most free seats, which always works when all need the same number of copies (Gale and Ryser).
    /// </summary>
    private void Rebuild(ReadOnlySpan<int> seats)
    {
        state.Empty();
        for (var expert = 0; expert < _wanted.Length; expert++)
        {
            for (var copy = 0; copy < grid.Depth; copy++)
            {
                var emptiest = -1;
                for (var rank = 0; rank < seats.Length; rank++)
                {
                    if (!state.Holds(rank, expert) && (emptiest < 0 || seats[rank] - state.Count[rank] > seats[emptiest] - state.Count[emptiest]))
                        emptiest = rank;
                }

                state.Put(emptiest, expert);
            }
        }

        state.Copies.CopyTo(_wanted, 0);
        state.SplitInto(_wanted);
        FillUp(seats);
    }
}
