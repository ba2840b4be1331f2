namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>The SwiGLU expert: <c>down(silu(gate(x)) · up(x))</c>. A row's result depends on that row alone.</summary>
public sealed class ExpertMath
{
    private readonly Arithmetic _arithmetic;
    private readonly WeightType _type;
    private readonly (int Hidden, int Inner) _size;
    private float[] _gate = [];
    private float[] _up = [];

    /// <summary>Creates the function of all experts of a model, with scratch memory that grows with the rows it is given.</summary>
    public ExpertMath(Qwen3MoeConfig config, WeightType type)
        : this(config, type, Arithmetic.Widest)
    {
    }

    internal ExpertMath(Qwen3MoeConfig config, WeightType type, Arithmetic arithmetic)
    {
        ArgumentNullException.ThrowIfNull(config);
        (_arithmetic, _type, _size) = (arithmetic, type, (config.HiddenSize, config.ExpertInnerSize));
    }

    /// <summary>Computes an expert; one call at a time per object.</summary>
    /// <param name="gate">Gate weights <c>[inner, hidden]</c>, as stored.</param>
    /// <param name="up">Up weights <c>[inner, hidden]</c>.</param>
    /// <param name="down">Down weights <c>[hidden, inner]</c>.</param>
    /// <param name="rows">Rows <c>[count, hidden]</c>.</param>
    /// <param name="output">Receives <c>[count, hidden]</c>.</param>
    /// <param name="count">Number of rows; may be zero.</param>
    public void Run(ReadOnlySpan<byte> gate, ReadOnlySpan<byte> up, ReadOnlySpan<byte> down, ReadOnlySpan<float> rows, Span<float> output, int count)
    {
        var (hidden, inner) = _size;
        if (_gate.Length < count * inner)
            (_gate, _up) = (new float[count * inner * 2], new float[count * inner * 2]);
        _arithmetic.MatMul(rows, count, new WeightMatrix(gate, _type, inner, hidden), _gate);
        _arithmetic.MatMul(rows, count, new WeightMatrix(up, _type, inner, hidden), _up);
        _arithmetic.SwiGlu(_gate.AsSpan(0, count * inner), _up);
        _arithmetic.MatMul(_gate, count, new WeightMatrix(down, _type, hidden, inner), output);
    }
}
