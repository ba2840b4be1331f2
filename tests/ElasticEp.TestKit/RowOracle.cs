namespace ElasticEp.TestKit;

/// <summary>
/// Rows read, written and summed one element at a time, without a line of the library's kernels. bfloat16 is found by comparing the
/// distances to the two neighbours.
/// </summary>
internal static class RowOracle
{
    public static float Read(ElementType type, ReadOnlySpan<byte> rows, int element) => type == ElementType.Float32
        ? BitConverter.ToSingle(rows.Slice(4 * element, 4))
        : BitConverter.Int32BitsToSingle(BitConverter.ToInt16(rows.Slice(2 * element, 2)) << 16);

    public static void Write(ElementType type, Span<byte> rows, int element, float value)
    {
        if (type == ElementType.Float32)
            BitConverter.TryWriteBytes(rows.Slice(4 * element, 4), float.IsNaN(value) ? BitConverter.Int32BitsToSingle(0x7FC00000) : value);
        else
            BitConverter.TryWriteBytes(rows.Slice(2 * element, 2), (short)ToBFloat16(value));
    }

    public static ushort ToBFloat16(float value)
    {
        if (float.IsNaN(value))
            return 0x7FC0;
        var bits = BitConverter.SingleToInt32Bits(value);
        var below = (ushort)(bits >> 16);
        if (float.IsInfinity(value))
            return below;
        var above = (ushort)(below + 1); // away from zero; one past the largest is infinity
        var down = Math.Abs((double)value - Exact(below));
        var up = Math.Abs(Exact(above) - value);
        if (down == up)
            return (below & 1) == 0 ? below : above;
        return down < up ? below : above;
    }

    /// <summary>The sum of an output row, element after element: no vector, no blocks.</summary>
    public static byte[] WeightedSum(ElementType type, byte[] rows, int[] index, float[] weights, int terms, int hidden)
    {
        var output = new byte[index.Length / terms * hidden * EpBuffer.SizeOf(type)];
        for (var t = 0; t < index.Length / terms; t++)
        {
            for (var i = 0; i < hidden; i++)
            {
                var sum = 0f;
                for (var j = 0; j < terms; j++)
                {
                    if (index[(t * terms) + j] != -1)
                        sum = MathF.FusedMultiplyAdd(weights[(t * terms) + j], Read(type, rows, (index[(t * terms) + j] * hidden) + i), sum);
                }

                Write(type, output, (t * hidden) + i, sum);
            }
        }

        return output;
    }

    private static double Exact(ushort bits)
    {
        var value = BitConverter.Int32BitsToSingle(bits << 16);
        return float.IsInfinity(value) ? Math.CopySign(Math.Pow(2, 128), value) : value;
    }
}
