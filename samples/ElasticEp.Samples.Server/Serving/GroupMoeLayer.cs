using ElasticEp.Samples.Qwen3Moe;

namespace ElasticEp.Samples.Server.Serving;

/// <summary>The experts of the elastic group, as the model calls them.</summary>
internal sealed class GroupMoeLayer : IMoeLayer
{
    private readonly ExpertMath _math;
    private readonly ExpertFunction _run;
    private ElasticStep? _step;

    public GroupMoeLayer(Qwen3MoeConfig config, WeightType type)
    {
        _math = new ExpertMath(config, type);
        _run = Run;
    }

    public void Use(ElasticStep step) => _step = step;

    public ValueTask ForwardAsync(int moeLayer, Memory<float> hidden, Memory<int> topkIds, Memory<float> topkWeights, Memory<float> output, CancellationToken cancellationToken) =>
        _step!.ForwardExpertsAsync(moeLayer, EpBuffer.From(hidden), EpBuffer.From(topkIds), EpBuffer.From(topkWeights), EpBuffer.From(output), _run, cancellationToken: cancellationToken);

    private void Run(in ExpertBatch batch) => _math.Run(
        batch.Weights[0].AsSpan<byte>(),
        batch.Weights[1].AsSpan<byte>(),
        batch.Weights[2].AsSpan<byte>(),
        batch.Rows.AsSpan<float>(),
        batch.Output.AsSpan<float>(),
        batch.Count);
}
