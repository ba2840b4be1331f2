using ElasticEp.Samples.Serving;

namespace ElasticEp.Samples.Tests.Serving;

/// <summary>A scripted model with two steps in flight, whose attempts end on another thread, as those of a device do.</summary>
internal sealed class TwoStepModel(ModelLimits limits, IReadOnlyList<int[]> texts) : ScriptedModel(limits with { StepsInFlight = 2 }, texts)
{
    private int _running;

    /// <summary>Steps that were prepared before the one before them had sampled.</summary>
    public int PreparedAhead { get; private set; }

    public override PreparedStep Prepare(StepBatch batch)
    {
        if (batch.Chunks.Any(chunk => chunk.Tokens.IsEmpty))
            PreparedAhead++;
        return base.Prepare(batch);
    }

    public override async ValueTask RunAsync(PreparedStep prepared, ElasticStep step, CancellationToken cancellationToken)
    {
        Assert.Equal(1, Interlocked.Increment(ref _running)); // attempts do not overlap
        await Task.Yield();
        await base.RunAsync(prepared, step, cancellationToken);
        Interlocked.Decrement(ref _running);
    }
}
