using ElasticEp.Samples.Qwen3Moe;

namespace ElasticEp.Benchmarks.Serving;

/// <summary>The model in this process without the library: all experts here, called directly.</summary>
internal sealed class PlainServing
{
    private readonly Qwen3MoeModel _model;
    private readonly LocalMoeLayer _experts;
    private readonly ForwardWorkspace _workspace;
    private readonly KvCachePool _pool;

    public PlainServing(Checkpoint checkpoint, int maxTokens)
    {
        _model = new Qwen3MoeModel(checkpoint.Config, checkpoint.WeightType);
        foreach (var weight in WeightNames.Dense(checkpoint.Config))
            checkpoint.Read(weight.Name, _model.GetWeight(weight.Name).Span);
        _model.Prepare();
        (_experts, _workspace, _pool) = (new LocalMoeLayer(checkpoint), new ForwardWorkspace(checkpoint.Config, maxTokens), new KvCachePool(checkpoint.Config));
    }

    public async Task<(BatchTimes Times, int[] Tokens)> RunAsync(BatchShape shape, int seed)
    {
        var batch = new SequenceBatch(_model, _workspace, _pool, shape, seed);
        var start = BatchStart.Now;
        while (!batch.IsDone)
        {
            batch.Plan();
            await batch.ForwardAsync(_experts, CancellationToken.None).ConfigureAwait(false);
            batch.Sample();
            batch.Release();
        }

        var times = BatchTimes.Of(shape, start, batch);
        batch.End();
        return (times, [.. batch.Generated]);
    }
}
