using ElasticEp.Weights;

namespace ElasticEp.Samples.Serving.Ranks;

/// <summary>The app's workload, with the hooks of leaving: requests are handed back.</summary>
internal sealed class ServingWorkload(IServingWorkload workload, Func<RankServing> serving) : IElasticWorkload
{
    public ValueTask InitializeAsync(IWeightRegistry weights, CancellationToken cancellationToken) => workload.InitializeAsync(weights, cancellationToken);

    public ValueTask LoadDenseAsync(CancellationToken cancellationToken) => workload.LoadDenseAsync(cancellationToken);

    public ValueTask LoadExpertAsync(int layer, int expert, ExpertWeights destination, CancellationToken cancellationToken) => workload.LoadExpertAsync(layer, expert, destination, cancellationToken);

    public ValueTask WarmUpAsync(CancellationToken cancellationToken) => workload.WarmUpAsync(cancellationToken);

    public async ValueTask OnLeavingAsync(TimeSpan drainTime, CancellationToken cancellationToken) => await serving().LeaveAsync(drainTime, cancellationToken).ConfigureAwait(false);

    public ValueTask OnLeaveCancelledAsync(CancellationToken cancellationToken)
    {
        serving().StayAfterAll();
        return default;
    }
}
