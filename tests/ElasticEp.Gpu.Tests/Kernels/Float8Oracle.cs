namespace ElasticEp.Gpu.Tests.Kernels;

/// <summary>e4m3 by its definition: the values of all codes, and the nearest of them.</summary>
internal static class Float8Oracle
{
    private static readonly double[] Values = [.. Enumerable.Range(0, 127).Select(code => code < 8 ? code * Math.Pow(2, -9) : (1 + ((code & 7) / 8.0)) * Math.Pow(2, (code >> 3) - 7))];

    public static double Value(byte code) => (code & 0x7F) == 0x7F ? double.NaN : code < 128 ? Values[code] : -Values[code - 128];

    public static byte Nearest(float value)
    {
        if (float.IsNaN(value))
            return 0x7F;
        var magnitude = Math.Min(Math.Abs((double)value), 448);
        var above = Array.FindIndex(Values, candidate => candidate >= magnitude);
        var code = above;
        if (above > 0)
        {
            var (down, up) = (magnitude - Values[above - 1], Values[above] - magnitude);
            code = down < up || (down == up && (above & 1) == 1) ? above - 1 : above;
        }

        return (byte)(float.IsNegative(value) ? code | 0x80 : code);
    }

    /// <summary>A row of values as it travels.</summary>
    public static byte[] Pack(ReadOnlySpan<float> row, bool usePowersOfTwo)
    {
        var bytes = new byte[(row.Length + (row.Length / 32) + 15) / 16 * 16];
        for (var group = 0; group < row.Length / 128; group++)
        {
            var values = row.Slice(group * 128, 128);
            var largest = 1e-4f;
            foreach (var value in values)
                largest = Math.Abs(value) > largest ? Math.Abs(value) : largest;
            var (scale, factor) = (largest / 448f, 448f / largest);
            if (usePowersOfTwo)
            {
                scale = (float)Math.Pow(2, Math.Ceiling(Math.Log2(scale)));
                factor = 1 / scale;
            }

            BitConverter.TryWriteBytes(bytes.AsSpan(row.Length + (group * 4)), scale);
            for (var i = 0; i < 128; i++)
                bytes[(group * 128) + i] = Nearest(values[i] * factor);
        }

        return bytes;
    }
}
