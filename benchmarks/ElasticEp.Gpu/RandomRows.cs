using ILGPU;

namespace ElasticEp.Gpu;

/// <summary>Fills memory on the device.</summary>
internal static unsafe class RandomRows
{
    /// <summary>Pairs of bfloat16 values, multiples of 1/128 between −1 and 1.</summary>
    public static void Fill(long target, long pairs, int seed)
    {
        for (var i = ((long)Grid.IdxX * Group.DimX) + Group.IdxX; i < pairs; i += (long)Grid.DimX * Group.DimX)
        {
            var bits = Mix((uint)i ^ (uint)seed);
            ((uint*)target)[i] = Value(bits & 255) | (Value((bits >> 8) & 255) << 16);
        }
    }

    private static uint Value(uint step) => Interop.FloatAsInt(((int)step - 128) * 0.0078125f) >> 16;

    private static uint Mix(uint x)
    {
        x ^= x >> 16;
        x *= 0x7feb352du;
        x ^= x >> 15;
        x *= 0x846ca68bu;
        return x ^ (x >> 16);
    }
}
