namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>The experts of the elastic group, as the model calls them.</summary>
public sealed class GroupMoeLayer : IMoeLayer
{
    private readonly Qwen3MoeConfig _config;
    private readonly WeightType _type;
    private readonly ExpertMath _math;
    private readonly ExpertFunction _run;
    private ElasticStep? _step;

    /// <summary>The experts of a model.</summary>
    public GroupMoeLayer(Qwen3MoeConfig config, WeightType type)
    {
        _config = config;
        _type = type;
        _math = new ExpertMath(config, type);
        _run = Run;
    }

    /// <summary>The attempt that calls run in from now on.</summary>
    public void Use(ElasticStep step) => _step = step;

    /// <inheritdoc/>
    public ValueTask ForwardAsync(int moeLayer, Memory<float> hidden, Memory<int> topkIds, Memory<float> topkWeights, Memory<float> output, CancellationToken cancellationToken) =>
        _step!.ForwardExpertsAsync(moeLayer, EpBuffer.From(hidden), EpBuffer.From(topkIds), EpBuffer.From(topkWeights), EpBuffer.From(output), _run, cancellationToken: cancellationToken);

    /// <summary>Computes an expert of zeros.</summary>
    public void WarmUp(int tokens)
    {
        var parts = WeightNames.Expert(_config, 0, 0).Select(weight => new byte[weight.ByteLength(_type)]).ToArray();
        _math.Run(parts[0], parts[1], parts[2], new float[tokens * _config.HiddenSize], new float[tokens * _config.HiddenSize], tokens);
    }

    private void Run(in ExpertBatch batch) => _math.Run(
        batch.Weights[0].AsSpan<byte>(),
        batch.Weights[1].AsSpan<byte>(),
        batch.Weights[2].AsSpan<byte>(),
        batch.Rows.AsSpan<float>(),
        batch.Output.AsSpan<float>(),
        batch.Count);
}
