using System.Runtime.InteropServices;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>Weights <c>[rows, columns]</c>, as stored.</summary>
internal readonly ref struct WeightMatrix(ReadOnlySpan<byte> bytes, WeightType type, int rows, int columns)
{
    public ReadOnlySpan<byte> Bytes { get; } = bytes;

    public WeightType Type { get; } = type;

    public int Rows { get; } = rows;

    public int Columns { get; } = columns;

    /// <summary>Widens one row.</summary>
    public void CopyRow(int row, Span<float> destination)
    {
        if (Type == WeightType.Float32)
        {
            MemoryMarshal.Cast<byte, float>(Bytes).Slice(row * Columns, Columns).CopyTo(destination);
            return;
        }

        var bits = MemoryMarshal.Cast<byte, ushort>(Bytes).Slice(row * Columns, Columns);
        for (var i = 0; i < bits.Length; i++)
            destination[i] = BitConverter.UInt32BitsToSingle((uint)bits[i] << 16);
    }
}
