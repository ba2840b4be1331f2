using ElasticEp.Samples.Server.Serving;
using ElasticEp.Weights;

namespace ElasticEp.Benchmarks.Serving;

/// <summary>The server's model on a rank that has no requests to hand back.</summary>
internal sealed class BenchmarkWorkload(Qwen3Workload model) : IElasticWorkload
{
    public ValueTask InitializeAsync(IWeightRegistry weights, CancellationToken cancellationToken) => model.InitializeAsync(weights, cancellationToken);

    public ValueTask LoadDenseAsync(CancellationToken cancellationToken) => model.LoadDenseAsync(cancellationToken);

    public ValueTask LoadExpertAsync(int layer, int expert, ExpertWeights destination, CancellationToken cancellationToken) => model.LoadExpertAsync(layer, expert, destination, cancellationToken);

    public ValueTask WarmUpAsync(CancellationToken cancellationToken) => model.WarmUpAsync(cancellationToken);
}
