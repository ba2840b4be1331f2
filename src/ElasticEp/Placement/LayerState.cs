using System.Numerics;

namespace ElasticEp.Placement;

/// <summary>
/// Who holds what in one layer while it is being planned, the load that this puts on each rank, and what it costs to get there. The load
/// of an expert splits evenly over its copies; no rank holds an expert twice.
/// </summary>
internal sealed class LayerState
{
    private readonly PlacementGrid _grid;
    private readonly ulong[] _holders; // [expert][word]: set of ranks
    private readonly ulong[] _before;  // [expert][word]: ranks that hold it already

    public LayerState(PlacementGrid grid)
    {
        _grid = grid;
        _holders = new ulong[grid.Experts * grid.Words];
        _before = new ulong[grid.Experts * grid.Words];
        Held = new int[grid.Ranks * grid.Width];
        Count = new int[grid.Ranks];
        Load = new double[grid.Ranks];
        Copies = new int[grid.Experts];
        Share = new double[grid.Experts];
        Weight = new double[grid.Experts];
    }

    /// <summary>Experts of each rank, <c>[rank × width]</c>, the first <see cref="Count"/> of each row, in no order.</summary>
    public int[] Held { get; }

    public int[] Count { get; }

    /// <summary>Load of each rank.</summary>
    public double[] Load { get; }

    public int[] Copies { get; }

    /// <summary>Load of one copy of each expert.</summary>
    public double[] Share { get; }

    /// <summary>Load of each expert.</summary>
    public double[] Weight { get; }

    /// <summary>Copies on ranks that do not hold them yet: transfers.</summary>
    public int Cost { get; private set; }

    public double MeanLoad { get; private set; }

    public double MaxLoad
    {
        get
        {
            var most = 0.0;
            foreach (var load in Load)
                most = Math.Max(most, load);
            return most;
        }
    }

    public bool Holds(int rank, int expert) => (_holders[(expert * _grid.Words) + (rank >> 6)] >> (rank & 63) & 1) != 0;

    public bool HeldBefore(int rank, int expert) => (_before[(expert * _grid.Words) + (rank >> 6)] >> (rank & 63) & 1) != 0;

    public ReadOnlySpan<ulong> Holders(int expert) => _holders.AsSpan(expert * _grid.Words, _grid.Words);

    /// <summary>The ranks that held it already.</summary>
    public ReadOnlySpan<ulong> HoldersBefore(int expert) => _before.AsSpan(expert * _grid.Words, _grid.Words);

    public ReadOnlySpan<int> On(int rank) => Held.AsSpan(rank * _grid.Width, Count[rank]);

    /// <summary>Begins a layer: nothing is held, and nothing was before.</summary>
    /// <param name="load">Load of each expert; empty when all count the same.</param>
    public void Begin(ReadOnlySpan<float> load)
    {
        Array.Clear(_before);
        var sum = 0.0;
        foreach (var value in load)
            sum += value;
        var least = sum / load.Length / 1e6; // Experts without load differ by their copies only when they count a little.
        for (var expert = 0; expert < _grid.Experts; expert++)
            Weight[expert] = load.IsEmpty ? 1 : Math.Max(load[expert], least);
        MeanLoad = Weight.Sum() / _grid.Ranks;
        Empty();
    }

    /// <summary>Nobody holds anything; what was before is still known.</summary>
    public void Empty()
    {
        Array.Clear(_holders);
        Array.Clear(Count);
        Array.Clear(Load);
        Array.Clear(Copies);
        Cost = 0;
    }

    /// <summary>The rank holds the expert in the placement in use.</summary>
    public void MarkBefore(int rank, int expert) => _before[(expert * _grid.Words) + (rank >> 6)] |= 1UL << (rank & 63);

    public void CopyFrom(LayerState other)
    {
        other._holders.CopyTo(_holders, 0);
        other._before.CopyTo(_before, 0);
        other.Held.CopyTo(Held, 0);
        other.Count.CopyTo(Count, 0);
        other.Load.CopyTo(Load, 0);
        other.Copies.CopyTo(Copies, 0);
        other.Share.CopyTo(Share, 0);
        other.Weight.CopyTo(Weight, 0);
        (Cost, MeanLoad) = (other.Cost, other.MeanLoad);
    }

    /// <summary>Gives each expert this many shares, and computes the load of every rank anew. The copies are expected to follow.</summary>
    public void SplitInto(ReadOnlySpan<int> copies)
    {
        for (var expert = 0; expert < copies.Length; expert++)
            Share[expert] = Weight[expert] / copies[expert];
        for (var rank = 0; rank < _grid.Ranks; rank++)
        {
            var load = 0.0;
            foreach (var expert in On(rank))
                load += Share[expert];
            Load[rank] = load;
        }
    }

    /// <summary>Adds a copy at the present share.</summary>
    public void Put(int rank, int expert)
    {
        Held[(rank * _grid.Width) + Count[rank]++] = expert;
        Attach(rank, expert);
        Copies[expert]++;
    }

    /// <summary>Takes a copy away at the present share.</summary>
    /// <param name="rank">The rank.</param>
    /// <param name="position">Its place in <see cref="On"/>.</param>
    public void TakeAt(int rank, int position)
    {
        var row = rank * _grid.Width;
        var expert = Held[row + position];
        Held[row + position] = Held[row + --Count[rank]];
        Detach(rank, expert);
        Copies[expert]--;
    }

    /// <summary>Two ranks exchange an expert each.</summary>
    public void Swap(int rankA, int positionA, int rankB, int positionB)
    {
        ref var a = ref Held[(rankA * _grid.Width) + positionA];
        ref var b = ref Held[(rankB * _grid.Width) + positionB];
        Detach(rankA, a);
        Detach(rankB, b);
        Attach(rankA, b);
        Attach(rankB, a);
        (a, b) = (b, a);
    }

    /// <summary>A rank gives up a copy for one of another expert; both experts' loads split anew.</summary>
    public void Replace(int rank, int position, int expert)
    {
        ref var held = ref Held[(rank * _grid.Width) + position];
        Detach(rank, held);
        Split(held, --Copies[held]);
        Split(expert, ++Copies[expert]);
        Attach(rank, expert);
        held = expert;
    }

    /// <summary>Transfers that a copy takes on this rank: 0 or 1.</summary>
    public int CostOf(int rank, int expert) => HeldBefore(rank, expert) ? 0 : 1;

    private void Split(int expert, int copies)
    {
        var share = Weight[expert] / copies;
        var change = share - Share[expert];
        Share[expert] = share;
        for (var word = 0; word < _grid.Words; word++)
        {
            for (var set = _holders[(expert * _grid.Words) + word]; set != 0; set &= set - 1)
                Load[(word << 6) + BitOperations.TrailingZeroCount(set)] += change;
        }
    }

    private void Attach(int rank, int expert)
    {
        _holders[(expert * _grid.Words) + (rank >> 6)] |= 1UL << (rank & 63);
        Load[rank] += Share[expert];
        Cost += CostOf(rank, expert);
    }

    private void Detach(int rank, int expert)
    {
        _holders[(expert * _grid.Words) + (rank >> 6)] &= ~(1UL << (rank & 63));
        Load[rank] -= Share[expert];
        Cost -= CostOf(rank, expert);
    }
}
