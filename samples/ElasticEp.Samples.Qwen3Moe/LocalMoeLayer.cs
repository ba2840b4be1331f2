namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>All experts in this process, without an elastic group: the baseline, and the oracle of the tests.</summary>
public sealed class LocalMoeLayer : IMoeLayer
{
    private readonly Qwen3MoeConfig _config;
    private readonly byte[][][][] _experts; // [layer][expert][part]
    private readonly ExpertMath _math;
    private readonly float[] _row;

    /// <summary>Loads every expert of a checkpoint.</summary>
    public LocalMoeLayer(Checkpoint checkpoint)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        _config = checkpoint.Config;
        _math = new ExpertMath(_config, checkpoint.WeightType);
        _row = new float[_config.HiddenSize];
        _experts = new byte[_config.SparseLayers.Count][][][];
        for (var layer = 0; layer < _experts.Length; layer++)
            _experts[layer] = [.. Enumerable.Range(0, _config.Experts).Select(expert => Load(checkpoint, layer, expert))];
    }

    /// <inheritdoc/>
    public ValueTask ForwardAsync(int moeLayer, Memory<float> hidden, Memory<int> topkIds, Memory<float> topkWeights, Memory<float> output, CancellationToken cancellationToken)
    {
        var size = _config.HiddenSize;
        output.Span.Clear();
        for (var term = 0; term < topkIds.Length; term++)
        {
            var token = term / _config.TopK;
            var parts = _experts[moeLayer][topkIds.Span[term]];
            _math.Run(parts[0], parts[1], parts[2], hidden.Span.Slice(token * size, size), _row, 1);
            var sum = output.Span.Slice(token * size, size);
            for (var i = 0; i < size; i++)
                sum[i] = MathF.FusedMultiplyAdd(topkWeights.Span[term], _row[i], sum[i]);
        }

        return default;
    }

    private static byte[][] Load(Checkpoint checkpoint, int layer, int expert) => [.. WeightNames.Expert(checkpoint.Config, layer, expert).Select(weight =>
    {
        var bytes = new byte[weight.ByteLength(checkpoint.WeightType)];
        checkpoint.Read(weight.Name, bytes);
        return bytes;
    })];
}
