namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>The SwiGLU expert: <c>down(silu(gate(x)) · up(x))</c>, row by row.</summary>
public sealed class ExpertMath(Qwen3MoeConfig config, WeightType type)
{
    private float[] _gate = [];
    private float[] _up = [];

    /// <summary>Computes an expert; one call at a time per object.</summary>
    /// <param name="gate">Gate weights, as stored.</param>
    /// <param name="up">Up weights.</param>
    /// <param name="down">Down weights.</param>
    /// <param name="rows">Rows <c>[count, hidden]</c>.</param>
    /// <param name="output">Receives <c>[count, hidden]</c>.</param>
    /// <param name="count">Number of rows.</param>
    public void Run(ReadOnlySpan<byte> gate, ReadOnlySpan<byte> up, ReadOnlySpan<byte> down, ReadOnlySpan<float> rows, Span<float> output, int count)
    {
        var (hidden, inner) = (config.HiddenSize, config.ExpertInnerSize);
        if (_gate.Length < count * inner)
            (_gate, _up) = (new float[count * inner * 2], new float[count * inner * 2]);
        Lanes.MatMul(rows, count, new WeightMatrix(gate, type, inner, hidden), _gate);
        Lanes.MatMul(rows, count, new WeightMatrix(up, type, inner, hidden), _up);
        Pointwise.SwiGlu(_gate.AsSpan(0, count * inner), _up);
        Lanes.MatMul(_gate, count, new WeightMatrix(down, type, hidden, inner), output);
    }
}
