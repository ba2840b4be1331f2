using ElasticEp.Samples.Serving;
using ElasticEp.Weights;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>The model of one rank and its weights. The first ranks read the checkpoint; later ones get everything from peers.</summary>
public sealed class Qwen3Workload : IServingWorkload
{
    private const int WarmUpTokens = 5; // rows are computed by fours, and one by one what is left

    private readonly ModelSource _source;
    private DryRunExperts? _dryRun; // until it has run

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
        _dryRun = new DryRunExperts(source.Config, source.WeightType);
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
        _dryRun?.Add(layer, expert, destination);
        return default;
    }

    /// <summary>
    /// Widens the norms and runs everything once, so that the first real step finds it compiled, and so that weights which give no numbers are
    /// refused here: all that is dense, and the experts of this rank that the run needs.
    /// </summary>
    /// <exception cref="ModelLoadException">The logits are not finite.</exception>
    public async ValueTask WarmUpAsync(CancellationToken cancellationToken)
    {
        Network.Prepare();
        var tokens = DryRunTokens(Network.Config)[..Math.Min(WarmUpTokens, Workspace.MaxTokens)];
        await Network.ForwardAsync([new SequenceChunk(new KvCache(Network.Config), tokens, 0)], Workspace, _dryRun ?? new DryRunExperts(Network.Config, Network.Type), cancellationToken).ConfigureAwait(false);
        _dryRun = null;
        var logits = new float[Network.Config.VocabularySize];
        for (var row = 0; row < tokens.Length; row++)
        {
            Network.ComputeLogits(Workspace, row, logits);
            if (!Sampler.AreFinite(logits))
                throw new ModelLoadException("The model's logits are not finite: its weights have values that are not numbers, or give such. Download the checkpoint again, or look at how it was made.");
        }

        Sampler.Sample(logits, SamplingSettings.Greedy, 0);
        Experts.WarmUp(WarmUpTokens);
    }

    /// <summary>Tokens from all over the vocabulary.</summary>
    internal static int[] DryRunTokens(Qwen3MoeConfig config) => [.. Enumerable.Range(0, WarmUpTokens).Select(token => (int)((long)token * config.VocabularySize / WarmUpTokens))];
}
