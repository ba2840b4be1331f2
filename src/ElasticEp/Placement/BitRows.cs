using System.Numerics;

namespace ElasticEp.Placement;

/// <summary>A set of experts for each rank.</summary>
internal sealed class BitRows
{
    private readonly ulong[] _bits; // [row][word]
    private readonly int _words;

    /// <param name="experts">Number of experts.</param>
    /// <param name="rows">What each rank holds; below zero for nothing.</param>
    public BitRows(int experts, int[][] rows)
    {
        _words = (experts + 63) / 64;
        _bits = new ulong[rows.Length * _words];
        for (var row = 0; row < rows.Length; row++)
        {
            foreach (var expert in rows[row])
            {
                if (expert >= 0)
                    this[row, expert] = true;
            }
        }
    }

    public bool this[int row, int expert]
    {
        get => (_bits[(row * _words) + (expert >> 6)] >> (expert & 63) & 1) != 0;
        set
        {
            ref var word = ref _bits[(row * _words) + (expert >> 6)];
            word = value ? word | 1UL << (expert & 63) : word & ~(1UL << (expert & 63));
        }
    }

    public Span<ulong> Of(int row) => _bits.AsSpan(row * _words, _words);

    public int Count(int row)
    {
        var count = 0;
        foreach (var word in Of(row))
            count += BitOperations.PopCount(word);
        return count;
    }

    /// <summary>How many of a row are not in the same row of another.</summary>
    public int CountMissing(BitRows other, int row)
    {
        var mine = Of(row);
        var theirs = other.Of(row);
        var count = 0;
        for (var word = 0; word < mine.Length; word++)
            count += BitOperations.PopCount(mine[word] & ~theirs[word]);
        return count;
    }

    /// <summary>The first of a row from one on that is not in the same row of another; −1 when there is none.</summary>
    public int NextMissing(BitRows other, int row, int from)
    {
        var mine = Of(row);
        var theirs = other.Of(row);
        for (var word = from >> 6; word < mine.Length; word++)
        {
            var rest = mine[word] & ~theirs[word];
            if (word == from >> 6)
                rest &= ~0UL << (from & 63);
            if (rest != 0)
                return (word << 6) + BitOperations.TrailingZeroCount(rest);
        }

        return -1;
    }
}
