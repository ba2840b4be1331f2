using ElasticEp.Samples.Bench.Measuring;
using ElasticEp.Samples.Bench.Options;

namespace ElasticEp.Samples.Tests.Bench;

public sealed class RunMetricsTests
{
    /// <summary>Two requests that overlap by half a second, one of a single token, and one that was cut.</summary>
    private static readonly RequestOutcome[] Requests =
    [
        Outcomes.Succeeded(0, 0.5, 0.75, 1, 1.25),
        Outcomes.Succeeded(0.75, 1.75, 2),
        Outcomes.Succeeded(2, 2.25),
        Outcomes.Failed(0, 0.1, 3.9),
    ];

    private static readonly RunMetrics Metrics = RunMetrics.Of(Requests, 4, [99]);

    [Fact]
    public void Failed_requests_count_only_as_failed()
    {
        Assert.Equal(3, Metrics.Completed);
        Assert.Equal(1, Metrics.Failed);
        Assert.Equal(30, Metrics.InputTokens);
        Assert.Equal(7, Metrics.OutputTokens);
    }

    [Fact]
    public void Throughputs_are_over_the_whole_run()
    {
        Assert.Equal(0.75, Metrics.RequestThroughput);
        Assert.Equal(1.75, Metrics.OutputThroughput);
        Assert.Equal(9.25, Metrics.TotalThroughput);
    }

    [Fact]
    public void Time_to_first_token_counts_from_sending() => Assert.Equal((500 + 1000 + 250) / 3.0, Metrics.TimeToFirstToken.Mean, 9);

    [Fact]
    public void Time_per_output_token_leaves_out_the_first_token_and_answers_of_one() => Assert.Equal(250, Metrics.TimePerOutputToken.Mean, 9);

    [Fact]
    public void Time_per_output_token_goes_by_the_tokens_of_the_usage()
    {
        var bundled = Outcomes.Succeeded(0, 1, 2) with { OutputTokens = 5 };
        Assert.Equal(250, RunMetrics.Of([bundled], 2, []).TimePerOutputToken.Mean, 9);
    }

    [Fact]
    public void Inter_token_latency_pools_the_gaps_of_all_streams()
    {
        var metrics = RunMetrics.Of([Outcomes.Succeeded(0, 1, 2, 3), Outcomes.Succeeded(0, 1, 5)], 5, [100]);
        Assert.Equal(2000, metrics.InterTokenLatency.Mean, 9);
        Assert.Equal(1000, metrics.InterTokenLatency.Median, 9);
        Assert.Equal(4000, metrics.InterTokenLatency.Percentiles[0].Value, 9);
    }

    [Fact]
    public void End_to_end_latency_is_to_the_last_token() => Assert.Equal((1250 + 1250 + 250) / 3.0, Metrics.EndToEndLatency.Mean, 9);

    [Fact]
    public void The_peak_throughput_is_of_one_second_from_the_first_request()
    {
        Assert.Equal(3, Metrics.PeakOutputThroughput);
        Assert.Equal(2, RunMetrics.Of([Outcomes.Succeeded(0.5, 1.25, 1.4, 1.6)], 2, []).PeakOutputThroughput);
    }

    [Fact]
    public void The_peak_concurrency_counts_what_overlaps()
    {
        Assert.Equal(2, Metrics.PeakConcurrency);
        Assert.Equal(1, Concurrency.Peak([Outcomes.Succeeded(0, 1), Outcomes.Succeeded(1, 2), Outcomes.Succeeded(2, 3)]));
        Assert.Equal(3, Concurrency.Peak([Outcomes.Succeeded(0, 9), Outcomes.Succeeded(1, 3), Outcomes.Succeeded(2, 4), Outcomes.Succeeded(3, 5)]));
    }

    [Theory]
    [InlineData("ttft", 600, 2)]
    [InlineData("ttft", 499, 1)]
    [InlineData("tpot", 250, 3)]
    [InlineData("tpot", 249, 1)]
    [InlineData("e2el", 1250, 3)]
    [InlineData("e2el", 1249, 1)]
    public void A_good_request_keeps_its_level(string metric, double milliseconds, int good) =>
        Assert.Equal(good, RunMetrics.Of(Requests, 4, [], [new ServiceLevel(metric, milliseconds)]).Good);

    [Fact]
    public void The_goodput_counts_requests_that_keep_every_level()
    {
        Assert.Null(Metrics.RequestGoodput);
        Assert.Equal(0.25, RunMetrics.Of(Requests, 4, [], [new("ttft", 600), new("e2el", 1000)]).RequestGoodput);
    }

    [Fact]
    public void Nothing_completed_is_all_zeros()
    {
        var metrics = RunMetrics.Of([Outcomes.Failed(0)], 1, [99]);
        Assert.Equal((0, 1, 0L, 0.0, 0), (metrics.Completed, metrics.Failed, metrics.OutputTokens, metrics.PeakOutputThroughput, metrics.PeakConcurrency));
        Assert.Equal(0, metrics.TimeToFirstToken.Mean);
        Assert.Equal(0, metrics.InterTokenLatency.Percentiles[0].Value);
    }
}
