using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>
/// The arithmetic that everything rests on. A dot product always adds into sixteen lanes (element i into lane i mod 16) with fused
/// multiply-adds, and sums the lanes in one fixed tree: 16 → 8 → 4 → 2 → 1. So the result depends on the two rows alone, not on
/// the width of the vectors, the batch, or how it was blocked.
/// </summary>
internal static class Lanes
{
    private const int Count = 16;

    /// <summary>The width in use; tests set it.</summary>
    public static VectorWidth Width { get; set; } =
        Vector512.IsHardwareAccelerated ? VectorWidth.Vector512 : Vector256.IsHardwareAccelerated ? VectorWidth.Vector256 : VectorWidth.Scalar;

    /// <summary>The dot product of a float row and a weight row.</summary>
    public static float Dot(ReadOnlySpan<float> x, WeightRow w) =>
        w.Type == WeightType.BFloat16 ? Dot<ushort>(x, MemoryMarshal.Cast<byte, ushort>(w.Bytes)) : Dot<float>(x, MemoryMarshal.Cast<byte, float>(w.Bytes));

    /// <summary>The dot product of two float rows.</summary>
    public static float Dot(ReadOnlySpan<float> x, ReadOnlySpan<float> y) => Dot<float>(x, y);

    /// <summary><c>sum[i] = fma(factor, row[i], sum[i])</c>.</summary>
    public static void AddScaled(Span<float> sum, float factor, ReadOnlySpan<float> row)
    {
        ref var to = ref MemoryMarshal.GetReference(sum);
        ref var from = ref MemoryMarshal.GetReference(row[..sum.Length]);
        nuint i = 0;
        if (Width == VectorWidth.Vector512)
        {
            for (; i + 16 <= (nuint)sum.Length; i += 16)
                Vector512.FusedMultiplyAdd(Vector512.Create(factor), Vector512.LoadUnsafe(ref from, i), Vector512.LoadUnsafe(ref to, i)).StoreUnsafe(ref to, i);
        }

        if (Width >= VectorWidth.Vector256)
        {
            for (; i + 8 <= (nuint)sum.Length; i += 8)
                Vector256.FusedMultiplyAdd(Vector256.Create(factor), Vector256.LoadUnsafe(ref from, i), Vector256.LoadUnsafe(ref to, i)).StoreUnsafe(ref to, i);
        }

        for (; i < (nuint)sum.Length; i++)
            Unsafe.Add(ref to, i) = MathF.FusedMultiplyAdd(factor, Unsafe.Add(ref from, i), Unsafe.Add(ref to, i));
    }

    /// <summary>
    /// <c>y[r, o] = dot(x[r], w[o])</c> for all rows. Weight rows are read once for every four input rows.
    /// </summary>
    public static void MatMul(ReadOnlySpan<float> x, int rows, WeightMatrix w, Span<float> y)
    {
        if (w.Type == WeightType.BFloat16)
            MatMul<ushort>(x, rows, MemoryMarshal.Cast<byte, ushort>(w.Bytes), w.Rows, w.Columns, y);
        else
            MatMul<float>(x, rows, MemoryMarshal.Cast<byte, float>(w.Bytes), w.Rows, w.Columns, y);
    }

    private static void MatMul<T>(ReadOnlySpan<float> x, int rows, ReadOnlySpan<T> w, int outputs, int columns, Span<float> y)
        where T : unmanaged
    {
        for (var o = 0; o < outputs; o++)
        {
            var row = w.Slice(o * columns, columns);
            var r = 0;
            if (Width == VectorWidth.Vector512 && columns % Count == 0)
            {
                for (; r + 4 <= rows; r += 4)
                    Dot4(x.Slice(r * columns, 4 * columns), row, columns, y[((r * outputs) + o)..], outputs);
            }

            for (; r < rows; r++)
                y[(r * outputs) + o] = Dot(x.Slice(r * columns, columns), row);
        }
    }

    private static void Dot4<T>(ReadOnlySpan<float> x, ReadOnlySpan<T> w, int columns, Span<float> y, int stride)
        where T : unmanaged
    {
        ref var a = ref MemoryMarshal.GetReference(x);
        ref var b = ref MemoryMarshal.GetReference(w);
        var (s0, s1, s2, s3) = (Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero);
        var n = (nuint)columns;
        for (nuint i = 0; i < n; i += Count)
        {
            var weights = Load512(ref b, i);
            s0 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref a, i), weights, s0);
            s1 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref a, n + i), weights, s1);
            s2 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref a, (2 * n) + i), weights, s2);
            s3 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref a, (3 * n) + i), weights, s3);
        }

        y[0] = Sum(s0);
        y[stride] = Sum(s1);
        y[2 * stride] = Sum(s2);
        y[3 * stride] = Sum(s3);
    }

    private static float Dot<T>(ReadOnlySpan<float> x, ReadOnlySpan<T> w)
        where T : unmanaged
    {
        ref var a = ref MemoryMarshal.GetReference(x);
        ref var b = ref MemoryMarshal.GetReference(w[..x.Length]);
        var n = (nuint)x.Length;
        nuint i = 0;
        if (Width == VectorWidth.Vector512)
        {
            var sum = Vector512<float>.Zero;
            for (; i + Count <= n; i += Count)
                sum = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref a, i), Load512(ref b, i), sum);
            return i == n ? Sum(sum) : Finish(sum.GetLower(), sum.GetUpper(), ref a, ref b, i, n);
        }

        if (Width == VectorWidth.Vector256)
        {
            var (low, high) = (Vector256<float>.Zero, Vector256<float>.Zero);
            for (; i + Count <= n; i += Count)
            {
                low = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref a, i), Load256(ref b, i), low);
                high = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref a, i + 8), Load256(ref b, i + 8), high);
            }

            return i == n ? Sum(low + high) : Finish(low, high, ref a, ref b, i, n);
        }

        return Finish(Vector256<float>.Zero, Vector256<float>.Zero, ref a, ref b, 0, n);
    }

    /// <summary>The rest of a dot product, element by element, then the tree.</summary>
    private static float Finish<T>(Vector256<float> low, Vector256<float> high, ref float a, ref T b, nuint from, nuint n)
        where T : unmanaged
    {
        Span<float> lanes = stackalloc float[Count];
        low.CopyTo(lanes);
        high.CopyTo(lanes[8..]);
        for (var i = from; i < n; i++)
            lanes[(int)(i % Count)] = MathF.FusedMultiplyAdd(Unsafe.Add(ref a, i), Load(ref b, i), lanes[(int)(i % Count)]);
        for (var half = Count / 2; half > 0; half /= 2)
        {
            for (var i = 0; i < half; i++)
                lanes[i] += lanes[i + half];
        }

        return lanes[0];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Sum(Vector512<float> lanes) => Sum(lanes.GetLower() + lanes.GetUpper());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Sum(Vector256<float> lanes)
    {
        var four = lanes.GetLower() + lanes.GetUpper();
        return (four[0] + four[2]) + (four[1] + four[3]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Load512<T>(ref T source, nuint i)
        where T : unmanaged
    {
        if (typeof(T) == typeof(float))
            return Vector512.LoadUnsafe(ref Unsafe.As<T, float>(ref source), i);
        var bits = Vector256.LoadUnsafe(ref Unsafe.As<T, ushort>(ref source), i);
        return Vector512.ShiftLeft(Vector512.Create(Vector256.WidenLower(bits), Vector256.WidenUpper(bits)), 16).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Load256<T>(ref T source, nuint i)
        where T : unmanaged
    {
        if (typeof(T) == typeof(float))
            return Vector256.LoadUnsafe(ref Unsafe.As<T, float>(ref source), i);
        var bits = Vector128.LoadUnsafe(ref Unsafe.As<T, ushort>(ref source), i);
        return Vector256.ShiftLeft(Vector256.Create(Vector128.WidenLower(bits), Vector128.WidenUpper(bits)), 16).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Load<T>(ref T source, nuint i)
        where T : unmanaged => typeof(T) == typeof(float)
        ? Unsafe.Add(ref Unsafe.As<T, float>(ref source), i)
        : BitConverter.UInt32BitsToSingle((uint)Unsafe.Add(ref Unsafe.As<T, ushort>(ref source), i) << 16);
}
