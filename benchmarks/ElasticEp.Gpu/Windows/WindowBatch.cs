using ElasticEp.Cuda;

namespace ElasticEp.Gpu.Windows;

/// <summary>What one rank brings into one layer, from a seed: bfloat16 rows, eight different experts a token, weights that sum to 1.</summary>
internal sealed class WindowBatch
{
    public WindowBatch(WindowCase shape, int rank, int layer)
    {
        var random = new Random((rank * 1000) + (layer * 100_000) + shape.Tokens + shape.Hidden);
        Hidden = new ushort[shape.Tokens * shape.Hidden];
        for (var i = 0; i < Hidden.Length; i++)
            Hidden[i] = ToBFloat16((random.Next(-32768, 32768) * (1f / 32768f)) * (1 << random.Next(0, 3)));
        Ids = new int[shape.Tokens * Shapes.TopK];
        Weights = new float[Ids.Length];
        Span<int> chosen = stackalloc int[Shapes.TopK];
        for (var token = 0; token < shape.Tokens; token++)
        {
            for (var j = 0; j < Shapes.TopK; j++)
            {
                do
                {
                    chosen[j] = random.Next(shape.Experts);
                }
                while (chosen[..j].Contains(chosen[j]));
                Ids[(token * Shapes.TopK) + j] = chosen[j];
                Weights[(token * Shapes.TopK) + j] = (random.NextSingle() * 0.2f) + 0.025f;
            }
        }
    }

    public ushort[] Hidden { get; }

    public int[] Ids { get; }

    public float[] Weights { get; }

    /// <summary>What the expert of a number multiplies rows by. The signs differ, so that sums cancel, which shows wrong rounding.</summary>
    public static float FactorOf(int expert) => ((expert & 1) != 0 ? -1f : 1f) * (0.5f + (expert * 0.0078125f));

    public static ushort ToBFloat16(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    public static float ToSingle(ushort value) => BitConverter.UInt32BitsToSingle((uint)value << 16);

    /// <summary>The rows as they are after travelling as e4m3.</summary>
    public ushort[] Travelled()
    {
        var rows = new ushort[Hidden.Length];
        Parallel.For(0, Hidden.Length / 128, group =>
        {
            var (first, largest) = (group * 128, 1e-4f);
            for (var i = first; i < first + 128; i++)
                largest = Math.Max(largest, Math.Abs(ToSingle(Hidden[i])));
            var (factor, scale) = (448f / largest, largest / 448f);
            for (var i = first; i < first + 128; i++)
                rows[i] = ToBFloat16(Float8.ToSingle(Float8.FromSingle(ToSingle(Hidden[i]) * factor)) * scale);
        });
        return rows;
    }
}
