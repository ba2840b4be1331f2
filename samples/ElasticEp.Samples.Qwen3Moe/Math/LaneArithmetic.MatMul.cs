using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>Matrix products: tiles of four rows and two outputs, so that a weight is widened once for four rows.</summary>
internal sealed partial class LaneArithmetic<TLanes>
{
    public override void MatMul(ReadOnlySpan<float> x, int rows, WeightMatrix w, Span<float> y)
    {
        x = x[..(rows * w.Columns)];
        y = y[..(rows * w.Rows)];
        if (w.Type == WeightType.BFloat16)
            MatMul(x, rows, MemoryMarshal.Cast<byte, ushort>(w.Bytes)[..(w.Rows * w.Columns)], w.Rows, w.Columns, y);
        else
            MatMul(x, rows, MemoryMarshal.Cast<byte, float>(w.Bytes)[..(w.Rows * w.Columns)], w.Rows, w.Columns, y);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MatMul<T>(ReadOnlySpan<float> x, int rows, ReadOnlySpan<T> w, int outputs, int columns, Span<float> y)
        where T : unmanaged
    {
        var (tiledRows, tiledOutputs) = columns % Count == 0 ? (rows & ~3, outputs & ~3) : (0, 0);
        for (var o = 0; o < tiledOutputs; o += 4)
        {
            for (var r = 0; r < tiledRows; r += 4)
            {
                Tile4By2(ref At(x, r * columns), ref At(w, o * columns), columns, ref At(y, (r * outputs) + o), outputs);
                Tile4By2(ref At(x, r * columns), ref At(w, (o + 2) * columns), columns, ref At(y, (r * outputs) + o + 2), outputs);
            }

            for (var r = tiledRows; r < rows; r++)
                Tile1By4(ref At(x, r * columns), ref At(w, o * columns), columns, ref At(y, (r * outputs) + o));
        }

        for (var o = tiledOutputs; o < outputs; o++)
        {
            for (var r = 0; r < rows; r++)
                y[(r * outputs) + o] = Dot(x.Slice(r * columns, columns), w.Slice(o * columns, columns));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile4By2<T>(ref float x, ref T w, int columns, ref float y, int stride)
        where T : unmanaged
    {
        var zero = TLanes.Create(0);
        var (a0, a1, b0, b1) = (zero, zero, zero, zero);
        var (c0, c1, d0, d1) = (zero, zero, zero, zero);
        for (var i = 0; i < columns; i += Count)
        {
            var w0 = Load(ref Unsafe.Add(ref w, i));
            var w1 = Load(ref Unsafe.Add(ref w, columns + i));
            var row = TLanes.Load(ref Unsafe.Add(ref x, i));
            a0 = TLanes.FusedMultiplyAdd(row, w0, a0);
            a1 = TLanes.FusedMultiplyAdd(row, w1, a1);
            row = TLanes.Load(ref Unsafe.Add(ref x, columns + i));
            b0 = TLanes.FusedMultiplyAdd(row, w0, b0);
            b1 = TLanes.FusedMultiplyAdd(row, w1, b1);
            row = TLanes.Load(ref Unsafe.Add(ref x, (2 * columns) + i));
            c0 = TLanes.FusedMultiplyAdd(row, w0, c0);
            c1 = TLanes.FusedMultiplyAdd(row, w1, c1);
            row = TLanes.Load(ref Unsafe.Add(ref x, (3 * columns) + i));
            d0 = TLanes.FusedMultiplyAdd(row, w0, d0);
            d1 = TLanes.FusedMultiplyAdd(row, w1, d1);
        }

        Put(TLanes.Sum(a0, a1, b0, b1), ref y, stride);
        Put(TLanes.Sum(c0, c1, d0, d1), ref Unsafe.Add(ref y, 2 * stride), stride);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile1By4<T>(ref float x, ref T w, int columns, ref float y)
        where T : unmanaged
    {
        var zero = TLanes.Create(0);
        var (s0, s1, s2, s3) = (zero, zero, zero, zero);
        for (var i = 0; i < columns; i += Count)
        {
            var row = TLanes.Load(ref Unsafe.Add(ref x, i));
            s0 = TLanes.FusedMultiplyAdd(row, Load(ref Unsafe.Add(ref w, i)), s0);
            s1 = TLanes.FusedMultiplyAdd(row, Load(ref Unsafe.Add(ref w, columns + i)), s1);
            s2 = TLanes.FusedMultiplyAdd(row, Load(ref Unsafe.Add(ref w, (2 * columns) + i)), s2);
            s3 = TLanes.FusedMultiplyAdd(row, Load(ref Unsafe.Add(ref w, (3 * columns) + i)), s3);
        }

        TLanes.Sum(s0, s1, s2, s3).StoreUnsafe(ref y);
    }

    /// <summary>Two outputs of a row, and two of the next.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(Vector128<float> sums, ref float y, int stride)
    {
        sums.GetLower().StoreUnsafe(ref y);
        sums.GetUpper().StoreUnsafe(ref y, (nuint)stride);
    }

    /// <summary>One dot product of any length; lanes past the end add a product of zeros.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Dot<T>(ReadOnlySpan<float> x, ReadOnlySpan<T> w)
        where T : unmanaged
    {
        w = w[..x.Length];
        var sum = TLanes.Create(0);
        var i = 0;
        for (; i + Count <= x.Length; i += Count)
            sum = TLanes.FusedMultiplyAdd(TLanes.Load(ref At(x, i)), Load(ref At(w, i)), sum);
        if (i < x.Length)
        {
            Span<T> lanes = stackalloc T[Count];
            lanes.Clear();
            w[i..].CopyTo(lanes);
            sum = TLanes.FusedMultiplyAdd(LoadTail(x[i..], 0), Load(ref lanes[0]), sum);
        }

        return TLanes.Sum(sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes Load<T>(ref T source)
        where T : unmanaged => typeof(T) == typeof(ushort) ? TLanes.LoadBFloat16(ref Unsafe.As<T, ushort>(ref source)) : TLanes.Load(ref Unsafe.As<T, float>(ref source));
}
