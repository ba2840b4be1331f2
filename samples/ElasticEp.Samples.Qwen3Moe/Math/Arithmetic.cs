using System.Runtime.Intrinsics;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>
/// The arithmetic that everything rests on: float32, sixteen lanes, one fixed order of operations per row. A row's result depends
/// on that row alone, not on the width of the vectors, the batch, or how it was blocked. Stateless.
/// </summary>
internal abstract class Arithmetic
{
    /// <summary>The widest that this machine has.</summary>
    public static Arithmetic Widest { get; } = For(
        Vector512.IsHardwareAccelerated ? VectorWidth.Vector512
        : Vector256.IsHardwareAccelerated ? VectorWidth.Vector256
        : Vector128.IsHardwareAccelerated ? VectorWidth.Vector128
        : VectorWidth.Scalar);

    /// <summary>The arithmetic in vectors of one width, also of one that this machine has to emulate.</summary>
    public static Arithmetic For(VectorWidth width) => width switch
    {
        VectorWidth.Vector512 => new LaneArithmetic<Lanes512>(),
        VectorWidth.Vector256 => new LaneArithmetic<Lanes256>(),
        VectorWidth.Vector128 => new LaneArithmetic<Lanes128>(),
        _ => new LaneArithmetic<LanesScalar>(),
    };

    /// <summary><c>y[r, o] = x[r] · w[o]</c>: element i goes into lane i mod 16 by a fused multiply-add, then the lanes are summed.</summary>
    /// <param name="x">Rows <c>[rows, w.Columns]</c>.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="w">Weights; each row of them is read once for all of <paramref name="x"/>.</param>
    /// <param name="y">Receives <c>[rows, w.Rows]</c>.</param>
    public abstract void MatMul(ReadOnlySpan<float> x, int rows, WeightMatrix w, Span<float> y);

    /// <summary>Root-mean-square norm: <c>y = x / sqrt(mean(x²) + epsilon) · weight</c>; <paramref name="y"/> may be <paramref name="x"/>.</summary>
    public abstract void RmsNorm(ReadOnlySpan<float> x, ReadOnlySpan<float> weight, float epsilon, Span<float> y);

    /// <summary>Adds in place.</summary>
    public abstract void Add(Span<float> sum, ReadOnlySpan<float> x);

    /// <summary><c>sum[i] = fma(factor, row[i], sum[i])</c>.</summary>
    public abstract void AddScaled(Span<float> sum, float factor, ReadOnlySpan<float> row);

    /// <summary><c>gate = silu(gate) · up</c> in place.</summary>
    public abstract void SwiGlu(Span<float> gate, ReadOnlySpan<float> up);

    /// <summary>Softmax in place.</summary>
    public abstract void Softmax(Span<float> x);

    /// <summary>
    /// Query heads that share a key-value head against the first positions of a cache, in ascending order. A score is a chain of
    /// fused multiply-adds over a head's elements, an output element a chain over the positions.
    /// </summary>
    /// <param name="queries">The heads <c>[heads, headSize]</c>.</param>
    /// <param name="heads">Number of heads.</param>
    /// <param name="cache">Keys and values.</param>
    /// <param name="layer">Decoder layer.</param>
    /// <param name="pair">Key-value head.</param>
    /// <param name="scores">Scratch, two for each position, rounded up to whole pages.</param>
    /// <param name="positions">Positions to look at.</param>
    /// <param name="output">Receives <c>[heads, headSize]</c>.</param>
    public abstract void Attend(ReadOnlySpan<float> queries, int heads, KvCache cache, int layer, int pair, Span<float> scores, int positions, Span<float> output);
}
