using System.Numerics;
using System.Runtime.InteropServices;

namespace ElasticEp.Placement;

/// <summary>Gives a layout that was made without regard to the ranks the ranks that hold most of it already.</summary>
internal sealed class LayerRelabel(PlacementGrid grid)
{
    private readonly int[] _overlap = new int[grid.Ranks];
    private readonly List<ulong> _pairs = [];
    private readonly int[] _rankOf = new int[grid.Ranks];
    private readonly bool[] _isTaken = new bool[grid.Ranks];

    /// <summary>Fills <paramref name="target"/> with the rows of <paramref name="layout"/>; both know the same load and what was before.</summary>
    public void Apply(LayerState layout, LayerState target)
    {
        Match(layout);
        target.CopyFrom(layout);
        target.Empty();
        for (var row = 0; row < grid.Ranks; row++)
        {
            foreach (var expert in layout.On(row))
                target.Put(_rankOf[row], expert);
        }
    }

    /// <summary>Greedily, the pair with the most in common first; only rows that fit the rank's seats and, if nodes are known, its node.</summary>
    private void Match(LayerState layout)
    {
        var pairs = Pairs(layout);
        Array.Fill(_rankOf, -1);
        Array.Clear(_isTaken);
        foreach (var pair in pairs)
        {
            var (row, rank) = ((int)(pair >> 16 & 0xFFFF), (int)(pair & 0xFFFF));
            if (_rankOf[row] < 0 && !_isTaken[rank])
                Take(row, rank);
        }

        for (var row = 0; row < grid.Ranks; row++)
        {
            for (var rank = 0; rank < grid.Ranks && _rankOf[row] < 0; rank++)
            {
                if (!_isTaken[rank] && Fits(layout, row, rank))
                    Take(row, rank);
            }
        }
    }

    private Span<ulong> Pairs(LayerState layout)
    {
        _pairs.Clear();
        for (var row = 0; row < grid.Ranks; row++)
        {
            Array.Clear(_overlap);
            foreach (var expert in layout.On(row))
                CountHolders(layout.HoldersBefore(expert));
            for (var rank = 0; rank < grid.Ranks; rank++)
            {
                if (_overlap[rank] > 0 && Fits(layout, row, rank))
                    _pairs.Add(((ulong)(uint)~_overlap[rank] << 32) | ((ulong)row << 16) | (uint)rank);
            }
        }

        var pairs = CollectionsMarshal.AsSpan(_pairs);
        pairs.Sort();
        return pairs;
    }

    private void CountHolders(ReadOnlySpan<ulong> holders)
    {
        for (var word = 0; word < holders.Length; word++)
        {
            for (var rest = holders[word]; rest != 0; rest &= rest - 1)
                _overlap[(word << 6) + BitOperations.TrailingZeroCount(rest)]++;
        }
    }

    private bool Fits(LayerState layout, int row, int rank) => layout.Count[row] == layout.Count[rank] && grid.NodeOf[row] == grid.NodeOf[rank];

    private void Take(int row, int rank)
    {
        _rankOf[row] = rank;
        _isTaken[rank] = true;
    }
}
