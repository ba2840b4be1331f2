using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Weights;

namespace ElasticEp.Samples.Server.Serving;

/// <summary>The model of one rank and its hooks. The first ranks read the checkpoint; later ones get everything from peers.</summary>
internal sealed class Qwen3Workload(ModelSource source, ElasticEpOptions options) : IElasticWorkload
{
    private const long CacheBytes = 1L << 30;
    private const int WarmUpTokens = 5; // rows are computed by fours, and one by one what is left

    private readonly TaskCompletionSource<RankServing> _serving = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Qwen3MoeModel Model { get; } = new(source.Config, source.WeightType);

    public ForwardWorkspace Workspace { get; } = new(source.Config, options.MaxTokensPerRank);

    /// <summary>Memory of the sequences that run here.</summary>
    public KvCachePool CachePool { get; } = new(source.Config, CachePages(source.Config));

    public GroupMoeLayer Experts { get; } = new(source.Config, source.WeightType);

    /// <summary>Whose requests are handed back when this rank leaves.</summary>
    public void Attach(RankServing serving) => _serving.TrySetResult(serving);

    public ValueTask InitializeAsync(IWeightRegistry weights, CancellationToken cancellationToken)
    {
        foreach (var weight in WeightNames.Dense(Model.Config))
            weights.AddDense(weight.Name, EpBuffer.From(Model.GetWeight(weight.Name)));
        for (var layer = 0; layer < Model.Config.SparseLayers.Count; layer++)
        {
            var parts = WeightNames.Expert(Model.Config, layer, 0);
            weights.DescribeExperts(layer, [.. new[] { "gate", "up", "down" }.Zip(parts, (name, part) => new ExpertPart(name, part.ByteLength(Model.Type)))]);
        }

        return default;
    }

    public ValueTask LoadDenseAsync(CancellationToken cancellationToken)
    {
        foreach (var weight in WeightNames.Dense(Model.Config))
            source.Read(weight.Name, Model.GetWeight(weight.Name).Span);
        return default;
    }

    public ValueTask LoadExpertAsync(int layer, int expert, ExpertWeights destination, CancellationToken cancellationToken)
    {
        var parts = WeightNames.Expert(Model.Config, layer, expert);
        for (var part = 0; part < parts.Length; part++)
            source.Read(parts[part].Name, destination[part].AsSpan<byte>());
        return default;
    }

    /// <summary>Widens the norms and runs everything once, so that the first real step finds it compiled.</summary>
    public async ValueTask WarmUpAsync(CancellationToken cancellationToken)
    {
        Model.Prepare();
        var cache = new KvCache(Model.Config);
        await Model.ForwardAsync([new SequenceChunk(cache, new int[WarmUpTokens], 0)], Workspace, new NoExperts(), cancellationToken).ConfigureAwait(false);
        var logits = new float[Model.Config.VocabularySize];
        Model.ComputeLogits(Workspace, 0, logits);
        Sampler.Sample(logits, SamplingSettings.Greedy, 0);
        Experts.WarmUp(WarmUpTokens);
    }

    public async ValueTask OnLeavingAsync(TimeSpan drainTime, CancellationToken cancellationToken)
    {
        var serving = await _serving.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        await serving.LeaveAsync(drainTime, cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask OnLeaveCancelledAsync(CancellationToken cancellationToken)
    {
        var serving = await _serving.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        serving.StayAfterAll();
    }

    /// <summary>Pages of a rank's cache: a gibibyte, or what one sequence of full length takes if that is more.</summary>
    public static int CachePages(Qwen3MoeConfig config) =>
        (int)Math.Min(Math.Max(CacheBytes / new KvCachePool(config).PageBytes, KvCachePool.PagesOf(config.MaxPositions)), int.MaxValue);

    private sealed class NoExperts : IMoeLayer
    {
        public ValueTask ForwardAsync(int moeLayer, Memory<float> hidden, Memory<int> topkIds, Memory<float> topkWeights, Memory<float> output, CancellationToken cancellationToken)
        {
            output.Span.Clear();
            return default;
        }
    }
}
