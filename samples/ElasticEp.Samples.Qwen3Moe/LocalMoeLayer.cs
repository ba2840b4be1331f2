namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>All experts in this process, without an elastic group: the baseline, and the oracle of the tests.</summary>
public sealed class LocalMoeLayer : IMoeLayer
{
    private readonly Qwen3MoeConfig _config;
    private readonly Arithmetic _arithmetic;
    private readonly ExpertMath _math;
    private readonly byte[][][][] _experts; // [layer][expert][part]
    private readonly int[] _starts; // [expert + 1]: where an expert's rows start among the grouped ones
    private int[] _places = []; // [tokens, k]: which grouped row is a term
    private float[] _rows = [];
    private float[] _outputs = [];

    /// <summary>Loads every expert of a checkpoint.</summary>
    public LocalMoeLayer(Checkpoint checkpoint)
        : this(checkpoint, Arithmetic.Widest)
    {
    }

    internal LocalMoeLayer(Checkpoint checkpoint, Arithmetic arithmetic)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        (_config, _arithmetic) = (checkpoint.Config, arithmetic);
        _math = new ExpertMath(_config, checkpoint.WeightType, arithmetic);
        _starts = new int[_config.Experts + 1];
        _experts = [.. Enumerable.Range(0, _config.SparseLayers.Count).Select(layer =>
            Enumerable.Range(0, _config.Experts).Select(expert => Load(checkpoint, layer, expert)).ToArray())];
    }

    /// <inheritdoc/>
    public ValueTask ForwardAsync(int moeLayer, Memory<float> hidden, Memory<int> topkIds, Memory<float> topkWeights, Memory<float> output, CancellationToken cancellationToken)
    {
        var size = _config.HiddenSize;
        Group(hidden.Span, topkIds.Span);
        for (var expert = 0; expert < _config.Experts; expert++)
        {
            var (from, count) = (_starts[expert], _starts[expert + 1] - _starts[expert]);
            var parts = _experts[moeLayer][expert];
            if (count > 0)
                _math.Run(parts[0], parts[1], parts[2], _rows.AsSpan(from * size, count * size), _outputs.AsSpan(from * size, count * size), count);
        }

        Combine(topkIds.Span, topkWeights.Span, output.Span);
        return default;
    }

    /// <summary>Copies the rows so that those of one expert lie together.</summary>
    private void Group(ReadOnlySpan<float> hidden, ReadOnlySpan<int> ids)
    {
        var size = _config.HiddenSize;
        if (_places.Length < ids.Length)
            (_places, _rows, _outputs) = (new int[ids.Length], new float[ids.Length * size], new float[ids.Length * size]);
        _starts.AsSpan().Clear();
        foreach (var id in ids)
        {
            if (id >= 0)
                _starts[id + 1]++;
        }

        for (var expert = 0; expert < _config.Experts; expert++)
            _starts[expert + 1] += _starts[expert];
        for (var term = 0; term < ids.Length; term++)
        {
            if (ids[term] < 0)
                continue;
            var place = _places[term] = _starts[ids[term]]++;
            hidden.Slice(term / _config.TopK * size, size).CopyTo(_rows.AsSpan(place * size));
        }

        for (var expert = _config.Experts; expert > 0; expert--)
            _starts[expert] = _starts[expert - 1]; // filling has moved each start to its expert's end
        _starts[0] = 0;
    }

    /// <summary>The weighted sum in top-k order, with fused multiply-adds from zero.</summary>
    private void Combine(ReadOnlySpan<int> ids, ReadOnlySpan<float> weights, Span<float> output)
    {
        var size = _config.HiddenSize;
        output.Clear();
        for (var term = 0; term < ids.Length; term++)
        {
            if (ids[term] >= 0)
                _arithmetic.AddScaled(output.Slice(term / _config.TopK * size, size), weights[term], _outputs.AsSpan(_places[term] * size, size));
        }
    }

    private static byte[][] Load(Checkpoint checkpoint, int layer, int expert) => [.. WeightNames.Expert(checkpoint.Config, layer, expert).Select(weight =>
    {
        var bytes = new byte[weight.ByteLength(checkpoint.WeightType)];
        checkpoint.Read(weight.Name, bytes);
        return bytes;
    })];
}
