using ElasticEp.Weights;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>The experts that one rank has loaded, for a forward pass before there is a group. Others add nothing.</summary>
internal sealed class DryRunExperts(Qwen3MoeConfig config, WeightType type) : IMoeLayer
{
    private readonly Dictionary<(int Layer, int Expert), ExpertWeights> _loaded = [];
    private readonly ExpertMath _math = new(config, type);
    private readonly float[] _row = new float[config.HiddenSize];

    /// <summary>An expert was loaded; its memory stays until the first step.</summary>
    public void Add(int layer, int expert, ExpertWeights weights) => _loaded[(layer, expert)] = weights;

    public ValueTask ForwardAsync(int moeLayer, Memory<float> hidden, Memory<int> topkIds, Memory<float> topkWeights, Memory<float> output, CancellationToken cancellationToken)
    {
        var size = config.HiddenSize;
        output.Span.Clear();
        for (var term = 0; term < topkIds.Length; term++)
        {
            if (!_loaded.TryGetValue((moeLayer, topkIds.Span[term]), out var weights))
                continue;
            var at = term / config.TopK * size;
            _math.Run(weights[0].AsSpan<byte>(), weights[1].AsSpan<byte>(), weights[2].AsSpan<byte>(), hidden.Span.Slice(at, size), _row, count: 1);
            var sum = output.Span.Slice(at, size);
            for (var i = 0; i < size; i++)
                sum[i] += topkWeights.Span[term] * _row[i];
        }

        return default;
    }
}
