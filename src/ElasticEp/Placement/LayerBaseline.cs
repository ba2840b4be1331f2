namespace ElasticEp.Placement;

/// <summary>
/// The fewest moves of one layer: what is held stays, every rank gets its seats, every expert its copies. Ranks with more than their
/// seats give up copies, coldest first; copies that lie nowhere yet go, hottest first, to the rank with the least load that has a seat.
/// </summary>
internal sealed class LayerBaseline(PlacementGrid grid, LayerState state)
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
            _wanted[expert] = Math.Max(1, state.Copies[expert]);
        state.SplitInto(_wanted);
        for (var rank = 0; rank < seats.Length; rank++)
            Shed(rank, seats[rank]);
        var free = MakeRoom(seats);
        AddReplicas(free);
        state.SplitInto(_wanted);
        if (!Place(seats))
            Rebuild(seats);
    }

    /// <summary>One copy each, and further ones as long as there are seats: hottest first.</summary>
    private void AddReplicas(int free)
    {
        for (var expert = 0; expert < _wanted.Length; expert++)
        {
            _wanted[expert] = Math.Max(state.Copies[expert], grid.Depth);
            free -= _wanted[expert] - state.Copies[expert];
        }

        for (var expert = 0; expert < _wanted.Length; expert++)
            _shares[expert] = _wanted[expert] < grid.Ranks ? state.Weight[expert] / _wanted[expert] : -1;
        for (; free > 0; free--)
        {
            var hottest = FirstOf.Highest<double>(_shares);
            _wanted[hottest]++;
            _shares[hottest] = _wanted[hottest] < grid.Ranks ? state.Weight[hottest] / _wanted[hottest] : -1;
        }
    }

    private void Shed(int rank, int seats)
    {
        while (state.Count[rank] > seats)
        {
            var position = ColdestReplica(rank, grid.Depth);
            if (position < 0)
                position = ColdestReplica(rank, 1);
            if (position < 0)
                position = BestToGive(rank, (state.Load[rank] - state.MeanLoad) / (state.Count[rank] - seats));
            Take(rank, position);
        }
    }

    /// <summary>The copy whose loss burdens the others least, among experts with more copies than <paramref name="floor"/>; −1 when there is none.</summary>
    private int ColdestReplica(int rank, int floor)
    {
        var on = state.On(rank);
        var coldest = -1;
        for (var position = 0; position < on.Length; position++)
        {
            if (state.Copies[on[position]] > floor && (coldest < 0 || IsColder(on[position], on[coldest])))
                coldest = position;
        }

        return coldest;
    }

    private bool IsColder(int expert, int other)
    {
        var (burden, than) = (state.Weight[expert] / (state.Copies[expert] - 1), state.Weight[other] / (state.Copies[other] - 1));
        return burden < than || (burden == than && expert > other);
    }

    /// <summary>The expert whose load comes closest; from the back, so that the low slots stay as they are.</summary>
    private int BestToGive(int rank, double load)
    {
        var on = state.On(rank);
        var best = 0;
        for (var position = 1; position < on.Length; position++)
        {
            var (distance, least) = (Math.Abs(state.Share[on[position]] - load), Math.Abs(state.Share[on[best]] - load));
            if (distance < least || (distance == least && on[position] > on[best]))
                best = position;
        }

        return best;
    }

    /// <summary>Takes copies of experts that have enough away until there are seats for those that have too few.</summary>
    /// <returns>Free seats.</returns>
    private int MakeRoom(ReadOnlySpan<int> seats)
    {
        var (free, needed) = (0, 0);
        for (var rank = 0; rank < seats.Length; rank++)
            free += seats[rank] - state.Count[rank];
        foreach (var copies in state.Copies)
            needed += Math.Max(0, grid.Depth - copies);
        for (; free < needed; free++)
        {
            var (rank, position) = ColdestReplica();
            Take(rank, position);
        }

        return free;
    }

    private (int Rank, int Position) ColdestReplica()
    {
        var coldest = -1;
        for (var expert = 0; expert < _wanted.Length; expert++)
        {
            if (state.Copies[expert] > grid.Depth && (coldest < 0 || IsColder(expert, coldest)))
                coldest = expert;
        }

        var fullest = -1;
        for (var rank = 0; rank < grid.Ranks; rank++)
        {
            if (state.Holds(rank, coldest) && (fullest < 0 || state.Load[rank] > state.Load[fullest]))
                fullest = rank;
        }

        return (fullest, state.On(fullest).IndexOf(coldest));
    }

    private void Take(int rank, int position)
    {
        var expert = state.On(rank)[position];
        state.TakeAt(rank, position);
        _wanted[expert] = Math.Max(1, state.Copies[expert]);
        state.SplitInto(_wanted);
    }

    private bool Place(ReadOnlySpan<int> seats)
    {
        for (var rank = 0; rank < seats.Length; rank++)
            Open(rank, seats);
        foreach (var entry in Pending())
        {
            var expert = (int)(uint)entry;
            var rank = Lightest(expert, seats);
            if (rank < 0)
                rank = Exchange(expert, seats);
            if (rank < 0 && _wanted[expert] <= grid.Depth)
                return false;
            if (rank >= 0)
                PutOn(rank, expert, seats);
            else
                _wanted[expert]--; // Its seat goes to another expert below.
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
