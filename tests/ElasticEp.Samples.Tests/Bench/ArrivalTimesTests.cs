using ElasticEp.Samples.Bench.Load;

namespace ElasticEp.Samples.Tests.Bench;

public sealed class ArrivalTimesTests
{
    private const int Many = 20_000;

    [Fact]
    public void An_infinite_rate_sends_all_at_once() =>
        Assert.Equal([0, 0, 0], ArrivalTimes.Create(3, double.PositiveInfinity, 1, new Random(0)));

    [Fact]
    public void An_infinite_burstiness_sends_at_even_distances() =>
        Assert.Equal([0.25, 0.5, 0.75, 1], ArrivalTimes.Create(4, 4, double.PositiveInfinity, new Random(0)));

    [Theory]
    [InlineData(0.3)]
    [InlineData(1)]
    [InlineData(5)]
    public void The_last_request_is_sent_at_count_over_rate_and_none_before_the_one_before_it(double burstiness)
    {
        var times = ArrivalTimes.Create(500, 8, burstiness, new Random(7));
        Assert.Equal(62.5, times[^1], 9);
        Assert.Equal(times.Order(), times);
        Assert.True(times[0] > 0);
    }

    [Fact]
    public void A_seed_gives_the_same_times() =>
        Assert.Equal(ArrivalTimes.Create(50, 3, 0.5, new Random(11)), ArrivalTimes.Create(50, 3, 0.5, new Random(11)));

    /// <summary>Gaps of a gamma distribution of shape k vary by 1/sqrt(k) of their mean; a Poisson process has k = 1.</summary>
    [Theory]
    [InlineData(0.5)]
    [InlineData(1)]
    [InlineData(4)]
    public void Gaps_vary_as_the_burstiness_says(double burstiness)
    {
        var times = ArrivalTimes.Create(Many, 1, burstiness, new Random(3));
        var gaps = times.Select((time, i) => i == 0 ? time : time - times[i - 1]).ToArray();
        var mean = gaps.Average();
        var deviation = Math.Sqrt(gaps.Average(gap => (gap - mean) * (gap - mean)));
        Assert.Equal(1, mean, 9);
        Assert.InRange(deviation * Math.Sqrt(burstiness), 0.95, 1.05);
    }
}
