namespace ElasticEp.Samples.Tests.Serving;

/// <summary>A step whose experts add nothing.</summary>
internal sealed class FakeStep(long number, int maxTokens = 1) : ElasticStep
{
    public override long Number => number;

    public override int Attempt => 1;

    public override GroupView View => GroupView.None;

    public override int MaxTokens => maxTokens;

    public override ValueTask ForwardExpertsAsync(
        int layer, EpBuffer hidden, EpBuffer topkIds, EpBuffer topkWeights, EpBuffer output, ExpertFunction expert, int lane = 0, CancellationToken cancellationToken = default)
    {
        output.AsSpan<float>().Clear();
        return default;
    }

    public override ValueTask ForwardGroupedExpertsAsync(
        int layer, EpBuffer hidden, EpBuffer topkIds, EpBuffer topkWeights, EpBuffer output, GroupedExpertFunction experts, int lane = 0, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public override ValueTask<DispatchedRows> DispatchAsync(
        int layer, EpBuffer hidden, EpBuffer topkIds, EpBuffer topkWeights, int lane = 0, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public override ValueTask CombineAsync(DispatchedRows rows, EpBuffer expertOutput, EpBuffer output, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Whether tokens choose an expert that is being loaded again.</summary>
    public bool Misses { get; init; }

    public override bool MissesExpert(int token, int lane = 0) => Misses;

    public override void EndExchanges()
    {
    }
}
