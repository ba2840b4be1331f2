using ElasticEp.Samples.Serving;
using ElasticEp.Weights;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>The model of one rank and its weights. The first ranks read the checkpoint; later ones get everything from peers.</summary>
public sealed class Qwen3Workload : IServingWorkload
{
    private const int WarmUpTokens = 5; // rows are computed by fours, and one by one what is left

    private readonly ModelSource _source;

    /// <summary>Allocates a model, without its weights.</summary>
    /// <param name="source">Where its shape and weights are from.</param>
    /// <param name="limits">What a rank has room for; see <see cref="Qwen3Limits"/>.</param>
    public Qwen3Workload(ModelSource source, ModelLimits limits)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(limits);
        _source = source;
        Network = new Qwen3MoeModel(source.Config, source.WeightType);
        Workspace = new ForwardWorkspace(source.Config, limits.Rows);
        CachePool = new KvCachePool(source.Config, limits.Pages);
        Experts = new GroupMoeLayer(source.Config, source.WeightType);
        Model = new Qwen3ServedModel(Network, Workspace, CachePool, Experts, limits);
    }

    /// <summary>The forward pass.</summary>
    public Qwen3MoeModel Network { get; }

    /// <summary>Memory of forward passes.</summary>
    public ForwardWorkspace Workspace { get; }

    /// <summary>Memory of the sequences that run here.</summary>
    public KvCachePool CachePool { get; }

    /// <summary>The experts, wherever they are.</summary>
    public GroupMoeLayer Experts { get; }

    /// <inheritdoc/>
    public IServedModel Model { get; }

    /// <inheritdoc/>
    public ValueTask InitializeAsync(IWeightRegistry weights, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(weights);
        foreach (var weight in WeightNames.Dense(Network.Config))
            weights.AddDense(weight.Name, EpBuffer.From(Network.GetWeight(weight.Name)));
        for (var layer = 0; layer < Network.Config.SparseLayers.Count; layer++)
        {
            var parts = WeightNames.Expert(Network.Config, layer, 0);
            weights.DescribeExperts(layer, [.. new[] { "gate", "up", "down" }.Zip(parts, (name, part) => new ExpertPart(name, part.ByteLength(Network.Type)))]);
        }

        return default;
    }

    /// <inheritdoc/>
    public ValueTask LoadDenseAsync(CancellationToken cancellationToken)
    {
        foreach (var weight in WeightNames.Dense(Network.Config))
            _source.Read(weight.Name, Network.GetWeight(weight.Name).Span);
        return default;
    }

    /// <inheritdoc/>
    public ValueTask LoadExpertAsync(int layer, int expert, ExpertWeights destination, CancellationToken cancellationToken)
    {
        var parts = WeightNames.Expert(Network.Config, layer, expert);
        for (var part = 0; part < parts.Length; part++)
            _source.Read(parts[part].Name, destination[part].AsSpan<byte>());
        return default;
    }

    /// <summary>Widens the norms and runs everything once, so that the first real step finds it compiled.</summary>
    public async ValueTask WarmUpAsync(CancellationToken cancellationToken)
    {
        Network.Prepare();
        var cache = new KvCache(Network.Config);
        await Network.ForwardAsync([new SequenceChunk(cache, new int[WarmUpTokens], 0)], Workspace, new NoExperts(), cancellationToken).ConfigureAwait(false);
        var logits = new float[Network.Config.VocabularySize];
        Network.ComputeLogits(Workspace, 0, logits);
        Sampler.Sample(logits, SamplingSettings.Greedy, 0);
        Experts.WarmUp(WarmUpTokens);
    }

    private sealed class NoExperts : IMoeLayer
    {
        public ValueTask ForwardAsync(int moeLayer, Memory<float> hidden, Memory<int> topkIds, Memory<float> topkWeights, Memory<float> output, CancellationToken cancellationToken)
        {
            output.Span.Clear();
            return default;
        }
    }
}
