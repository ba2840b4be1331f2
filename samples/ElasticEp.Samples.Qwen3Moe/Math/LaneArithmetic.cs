using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>
/// The arithmetic in lanes of one kind: what is done element by element. Loops over lanes are compiled for speed at once: a rank that
/// has just joined, and everybody who waits for it, would feel them unoptimized.
/// </summary>
internal sealed partial class LaneArithmetic<TLanes> : Arithmetic
    where TLanes : struct, ILanes<TLanes>
{
    private const int Count = ILanes<TLanes>.Count;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void RmsNorm(ReadOnlySpan<float> x, ReadOnlySpan<float> weight, float epsilon, Span<float> y)
    {
        var scale = 1f / MathF.Sqrt((Dot(x, x) / x.Length) + epsilon);
        var scales = TLanes.Create(scale);
        var i = 0;
        for (; i + Count <= x.Length; i += Count)
            TLanes.Store(TLanes.Load(ref At(weight, i)) * (TLanes.Load(ref At(x, i)) * scales), ref At(y, i));
        for (; i < x.Length; i++)
            y[i] = weight[i] * (x[i] * scale);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Add(Span<float> sum, ReadOnlySpan<float> x)
    {
        x = x[..sum.Length];
        var i = 0;
        for (; i + Count <= sum.Length; i += Count)
            TLanes.Store(TLanes.Load(ref At(sum, i)) + TLanes.Load(ref At(x, i)), ref At(sum, i));
        for (; i < sum.Length; i++)
            sum[i] += x[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void AddScaled(Span<float> sum, float factor, ReadOnlySpan<float> row)
    {
        row = row[..sum.Length];
        var factors = TLanes.Create(factor);
        var i = 0;
        for (; i + Count <= sum.Length; i += Count)
            TLanes.Store(TLanes.FusedMultiplyAdd(factors, TLanes.Load(ref At(row, i)), TLanes.Load(ref At(sum, i))), ref At(sum, i));
        for (; i < sum.Length; i++)
            sum[i] = MathF.FusedMultiplyAdd(factor, row[i], sum[i]);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void SwiGlu(Span<float> gate, ReadOnlySpan<float> up)
    {
        up = up[..gate.Length];
        var i = 0;
        for (; i + Count <= gate.Length; i += Count)
            TLanes.Store(SwiGlu(TLanes.Load(ref At(gate, i)), TLanes.Load(ref At(up, i))), ref At(gate, i));
        if (i < gate.Length)
            StoreTail(SwiGlu(LoadTail(gate[i..], 0), LoadTail(up[i..], 0)), gate[i..]);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Softmax(Span<float> x)
    {
        var (maxima, sums) = (TLanes.Create(Max(x)), TLanes.Create(0));
        var whole = x.Length - (x.Length % Count);
        for (var i = 0; i < whole; i += Count)
        {
            var exp = Exp(TLanes.Load(ref At(x, i)) - maxima);
            sums += exp;
            TLanes.Store(exp, ref At(x, i));
        }

        if (whole < x.Length)
        {
            var exp = Exp(LoadTail(x[whole..], float.NegativeInfinity) - maxima); // exp of minus infinity is zero, and adds nothing
            sums += exp;
            StoreTail(exp, x[whole..]);
        }

        Divide(x, TLanes.Sum(sums));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Max(ReadOnlySpan<float> x)
    {
        var maxima = TLanes.Create(float.NegativeInfinity);
        var i = 0;
        for (; i + Count <= x.Length; i += Count)
            maxima = TLanes.Max(maxima, TLanes.Load(ref At(x, i)));
        if (i < x.Length)
            maxima = TLanes.Max(maxima, LoadTail(x[i..], float.NegativeInfinity));
        Span<float> lanes = stackalloc float[Count];
        TLanes.Store(maxima, ref lanes[0]);
        var max = lanes[0];
        foreach (var lane in lanes[1..])
            max = MathF.Max(max, lane);
        return max;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Divide(Span<float> x, float by)
    {
        var divisors = TLanes.Create(by);
        var i = 0;
        for (; i + Count <= x.Length; i += Count)
            TLanes.Store(TLanes.Load(ref At(x, i)) / divisors, ref At(x, i));
        for (; i < x.Length; i++)
            x[i] /= by;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes SwiGlu(TLanes gate, TLanes up) => gate / (TLanes.Create(1) + Exp(TLanes.Create(0) - gate)) * up;

    /// <summary>
    /// The exponential, of our own so that neither the C library nor the processor has a say: x = n·ln 2 + r, a polynomial of
    /// degree 7 in r (Cephes' expf), times 2ⁿ. Within 2 ulp; zero below about −87.7, and held at e⁸⁸ above 88.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes Exp(TLanes x)
    {
        x = TLanes.Min(TLanes.Max(x, TLanes.Create(-88)), TLanes.Create(88));
        var n = TLanes.Round(x * TLanes.Create(1.44269504f));
        var r = TLanes.FusedMultiplyAdd(n, TLanes.Create(-0.693359375f), x);
        r = TLanes.FusedMultiplyAdd(n, TLanes.Create(2.12194440e-4f), r);
        var p = TLanes.Create(1.9875691500e-4f);
        p = TLanes.FusedMultiplyAdd(p, r, TLanes.Create(1.3981999507e-3f));
        p = TLanes.FusedMultiplyAdd(p, r, TLanes.Create(8.3334519073e-3f));
        p = TLanes.FusedMultiplyAdd(p, r, TLanes.Create(4.1665795894e-2f));
        p = TLanes.FusedMultiplyAdd(p, r, TLanes.Create(1.6666665459e-1f));
        p = TLanes.FusedMultiplyAdd(p, r, TLanes.Create(5.0000001201e-1f));
        p = TLanes.FusedMultiplyAdd(p, r * r, r) + TLanes.Create(1);
        return p * TLanes.PowerOfTwo(n);
    }

    private static TLanes LoadTail(ReadOnlySpan<float> tail, float fill)
    {
        Span<float> lanes = stackalloc float[Count];
        lanes.Fill(fill);
        tail.CopyTo(lanes);
        return TLanes.Load(ref lanes[0]);
    }

    private static void StoreTail(TLanes value, Span<float> tail)
    {
        Span<float> lanes = stackalloc float[Count];
        TLanes.Store(value, ref lanes[0]);
        lanes[..Math.Min(Count, tail.Length)].CopyTo(tail);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref T At<T>(ReadOnlySpan<T> span, int index) => ref Unsafe.Add(ref MemoryMarshal.GetReference(span), index);
}
