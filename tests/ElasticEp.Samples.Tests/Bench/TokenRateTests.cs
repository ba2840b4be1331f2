using ElasticEp.Samples.Bench.Measuring;

namespace ElasticEp.Samples.Tests.Bench;

public sealed class TokenRateTests
{
    [Fact]
    public void A_series_counts_tokens_and_its_last_interval_only_as_far_as_the_run_went()
    {
        var bundled = Outcomes.Succeeded(0, 2.125) with { Chunks = [new ChunkArrival(2.125, 3)] };
        Assert.Equal([1, 2, 12], TokenRate.Series([Outcomes.Succeeded(0, 0.5, 1, 1.5), bundled], 2.25, 1));
    }

    [Fact]
    public void Between_counts_from_the_first_instant_to_just_before_the_last()
    {
        RequestOutcome[] requests = [Outcomes.Succeeded(0, 1, 1.5, 2, 3)];
        Assert.Equal(2, TokenRate.Between(requests, 1, 2));
        Assert.Equal(1.2, TokenRate.Between(requests, 0, 2.5)!.Value, 12);
        Assert.Null(TokenRate.Between(requests, 2, 2));
    }

    [Fact]
    public void The_longest_gap_is_within_one_stream()
    {
        RequestOutcome[] requests = [Outcomes.Succeeded(0, 1, 1.5, 3), Outcomes.Failed(0, 10, 12.5)];
        Assert.Equal(new StreamGap(10, 2.5), StreamGaps.Longest(requests));
        Assert.Equal(new StreamGap(1.5, 1.5), StreamGaps.Longest(requests, 2, 2.5));
        Assert.Equal(new StreamGap(1, 0.5), StreamGaps.Longest(requests, 0, 1.25));
        Assert.Null(StreamGaps.Longest(requests, 4, 9));
        Assert.Null(StreamGaps.Longest([Outcomes.Succeeded(0, 1)]));
    }
}
