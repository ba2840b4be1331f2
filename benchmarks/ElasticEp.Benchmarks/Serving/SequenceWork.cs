using System.Runtime.CompilerServices;
using ElasticEp.Samples.Qwen3Moe;

namespace ElasticEp.Benchmarks.Serving;

/// <summary>A batch on a rank of a group.</summary>
internal sealed class SequenceWork(SequenceBatch batch, GroupMoeLayer experts) : IRankWork
{
    public bool IsDone => batch.IsDone;

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask RunAsync(ElasticStep step, CancellationToken cancellationToken)
    {
        batch.Plan();
        experts.Use(step);
        await batch.ForwardAsync(experts, cancellationToken).ConfigureAwait(false);
        step.EndExchanges();
        batch.Sample();
    }

    public void Release() => batch.Release();
}
