namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>Row operations that are not matrix products. Each row's result depends on that row alone.</summary>
internal static class Pointwise
{
    /// <summary>Root-mean-square norm: <c>y = x / sqrt(mean(x²) + epsilon) · weight</c>.</summary>
    public static void RmsNorm(ReadOnlySpan<float> x, ReadOnlySpan<float> weight, float epsilon, Span<float> y)
    {
        var scale = 1f / MathF.Sqrt((Lanes.Dot(x, x) / x.Length) + epsilon);
        for (var i = 0; i < x.Length; i++)
            y[i] = weight[i] * (x[i] * scale);
    }

    /// <summary>Adds in place.</summary>
    public static void Add(Span<float> sum, ReadOnlySpan<float> x)
    {
        for (var i = 0; i < sum.Length; i++)
            sum[i] += x[i];
    }

    /// <summary><c>gate = silu(gate) · up</c> in place.</summary>
    public static void SwiGlu(Span<float> gate, ReadOnlySpan<float> up)
    {
        for (var i = 0; i < gate.Length; i++)
            gate[i] = gate[i] / (1f + MathF.Exp(-gate[i])) * up[i];
    }

    /// <summary>Softmax in place, in the order of the elements.</summary>
    public static void Softmax(Span<float> x)
    {
        var max = float.NegativeInfinity;
        foreach (var value in x)
            max = MathF.Max(max, value);
        var sum = 0f;
        for (var i = 0; i < x.Length; i++)
        {
            x[i] = MathF.Exp(x[i] - max);
            sum += x[i];
        }

        for (var i = 0; i < x.Length; i++)
            x[i] /= sum;
    }
}
