using System.Runtime.CompilerServices;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>Sixteen lanes one by one: what a machine without vectors does, and the plain statement of what the others mean.</summary>
[InlineArray(ILanes<LanesScalar>.Count)]
internal struct LanesScalar : ILanes<LanesScalar>
{
    private const int Count = ILanes<LanesScalar>.Count;

    private float _first;

    public static LanesScalar operator +(LanesScalar left, LanesScalar right)
    {
        for (var i = 0; i < Count; i++)
            left[i] += right[i];
        return left;
    }

    public static LanesScalar operator -(LanesScalar left, LanesScalar right)
    {
        for (var i = 0; i < Count; i++)
            left[i] -= right[i];
        return left;
    }

    public static LanesScalar operator *(LanesScalar left, LanesScalar right)
    {
        for (var i = 0; i < Count; i++)
            left[i] *= right[i];
        return left;
    }

    public static LanesScalar operator /(LanesScalar left, LanesScalar right)
    {
        for (var i = 0; i < Count; i++)
            left[i] /= right[i];
        return left;
    }

    public static LanesScalar Create(float value)
    {
        var lanes = default(LanesScalar);
        for (var i = 0; i < Count; i++)
            lanes[i] = value;
        return lanes;
    }

    public static LanesScalar Load(ref float source)
    {
        var lanes = default(LanesScalar);
        for (var i = 0; i < Count; i++)
            lanes[i] = Unsafe.Add(ref source, i);
        return lanes;
    }

    public static LanesScalar LoadBFloat16(ref ushort source)
    {
        var lanes = default(LanesScalar);
        for (var i = 0; i < Count; i++)
            lanes[i] = BitConverter.UInt32BitsToSingle((uint)Unsafe.Add(ref source, i) << 16);
        return lanes;
    }

    public static void Store(LanesScalar value, ref float destination)
    {
        for (var i = 0; i < Count; i++)
            Unsafe.Add(ref destination, i) = value[i];
    }

    public static LanesScalar FusedMultiplyAdd(LanesScalar left, LanesScalar right, LanesScalar addend)
    {
        for (var i = 0; i < Count; i++)
            addend[i] = MathF.FusedMultiplyAdd(left[i], right[i], addend[i]);
        return addend;
    }

    public static LanesScalar Max(LanesScalar left, LanesScalar right)
    {
        for (var i = 0; i < Count; i++)
            left[i] = MathF.Max(left[i], right[i]);
        return left;
    }

    public static LanesScalar Min(LanesScalar left, LanesScalar right)
    {
        for (var i = 0; i < Count; i++)
            left[i] = MathF.Min(left[i], right[i]);
        return left;
    }

    public static LanesScalar Round(LanesScalar value)
    {
        for (var i = 0; i < Count; i++)
            value[i] = MathF.Round(value[i]);
        return value;
    }

    public static LanesScalar PowerOfTwo(LanesScalar n)
    {
        for (var i = 0; i < Count; i++)
            n[i] = BitConverter.Int32BitsToSingle(((int)n[i] + 127) << 23);
        return n;
    }

    public static float Sum(LanesScalar value)
    {
        for (var half = Count / 2; half > 0; half /= 2)
        {
            for (var i = 0; i < half; i++)
                value[i] += value[i + half];
        }

        return value[0];
    }
}
