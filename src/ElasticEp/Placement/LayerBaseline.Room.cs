using System.Numerics;

namespace ElasticEp.Placement;

internal sealed partial class LayerBaseline
{
    /// <summary>Who has most too many comes last: a joiner that holds everything then keeps what the others have given up.</summary>
    private void ShedAll(ReadOnlySpan<int> seats)
    {
        var (least, next) = (0, int.MaxValue);
        do
        {
            for (var rank = 0; rank < seats.Length; rank++)
            {
                var surplus = state.Count[rank] - seats[rank];
                if (surplus == least)
                    Shed(rank, seats[rank]);
                else if (surplus > least)
                    next = Math.Min(next, surplus);
            }

            (least, next) = (next, int.MaxValue);
        }
        while (least < int.MaxValue);
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

    /// <summary>Experts that have too few copies, hottest first, take the place of copies that others can do without, until the free seats suffice for the rest.</summary>
    /// <returns>Free seats.</returns>
    private int MakeRoom(ReadOnlySpan<int> seats)
    {
        var (free, needed) = (0, 0);
        for (var rank = 0; rank < seats.Length; rank++)
            free += seats[rank] - state.Count[rank];
        foreach (var copies in state.Copies)
            needed += Math.Max(0, grid.Depth - copies);
        if (needed <= free)
            return free;
        var pending = Pending();
        for (var index = pending.Length - 1; index >= 0 && needed > free; index--)
        {
            if (Displace((int)(uint)pending[index]))
                needed--;
        }

        // What is left can only go to ranks that have it; copies are taken away, and exchanges are found later.
        for (; free < needed; free++)
            TakeColdest();
        return free;
    }

    /// <summary>Puts the expert in the place of a replica: where the highest load rises least, then of the coldest, then where the load is least.</summary>
    private bool Displace(int expert)
    {
        var first = FirstOf.Highest<double>(state.Load);
        var (best, least, burden) = (-1, double.PositiveInfinity, double.PositiveInfinity);
        for (var rank = 0; rank < grid.Ranks; rank++)
        {
            var on = state.On(rank);
            var limit = rank == first ? MaxLoadBut(first) : state.Load[first];
            for (var position = 0; position < on.Length && !state.Holds(rank, expert); position++)
            {
                var victim = on[position];
                if (state.Copies[victim] <= grid.Depth || !_nodes.AllowsRemoval(rank, victim))
                    continue;
                var most = Math.Max(limit, Math.Max(state.Load[rank] + state.Share[expert] - state.Share[victim], MostWithout(rank, victim)));
                most += _nodes.Welcomes(rank, expert) ? 0 : grid.Ranks * state.MeanLoad;
                var loss = state.Weight[victim] / (state.Copies[victim] - 1);
                if (most < least || (most == least && (loss < burden || (loss == burden && state.Load[rank] < state.Load[best / grid.Width]))))
                    (best, least, burden) = ((rank * grid.Width) + position, most, loss);
            }
        }

        if (best < 0)
            return false;
        Take(best / grid.Width, best % grid.Width);
        state.Put(best / grid.Width, expert);
        return true;
    }

    private double MaxLoadBut(int but)
    {
        var most = 0.0;
        for (var rank = 0; rank < grid.Ranks; rank++)
            most = rank == but ? most : Math.Max(most, state.Load[rank]);
        return most;
    }

    /// <summary>The highest load of the other ranks that hold an expert when this one gives it up.</summary>
    private double MostWithout(int without, int expert)
    {
        var more = state.Share[expert] / (state.Copies[expert] - 1);
        var most = 0.0;
        var holders = state.Holders(expert);
        for (var word = 0; word < holders.Length; word++)
        {
            for (var rest = holders[word]; rest != 0; rest &= rest - 1)
            {
                var rank = (word << 6) + BitOperations.TrailingZeroCount(rest);
                if (rank != without)
                    most = Math.Max(most, state.Load[rank] + more);
            }
        }

        return most;
    }

    private void TakeColdest()
    {
        var coldest = -1;
        for (var expert = 0; expert < _wanted.Length; expert++)
        {
            if (state.Copies[expert] > grid.Depth && (coldest < 0 || IsColder(expert, coldest)))
                coldest = expert;
        }

        TakeFromFullest(coldest);
    }

    private void TakeFromFullest(int expert)
    {
        var fullest = -1;
        for (var rank = 0; rank < grid.Ranks; rank++)
        {
            if (state.Holds(rank, expert) && (fullest < 0 || state.Load[rank] > state.Load[fullest]))
                fullest = rank;
        }

        Take(fullest, state.On(fullest).IndexOf(expert));
    }

    private void Take(int rank, int position)
    {
        var expert = state.On(rank)[position];
        state.TakeAt(rank, position);
        _wanted[expert] = Math.Max(grid.Depth, state.Copies[expert]);
        state.SplitInto(_wanted);
    }
}
