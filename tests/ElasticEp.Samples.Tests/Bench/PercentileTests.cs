using ElasticEp.Samples.Bench.Measuring;

namespace ElasticEp.Samples.Tests.Bench;

/// <summary>Values as numpy's percentile gives them.</summary>
public sealed class PercentileTests
{
    [Theory]
    [InlineData(0, 1)]
    [InlineData(25, 1.75)]
    [InlineData(50, 2.5)]
    [InlineData(90, 3.7)]
    [InlineData(100, 4)]
    public void Interpolates_between_neighbours(double percentile, double value) => Assert.Equal(value, Percentile.Of([1, 2, 3, 4], percentile), 12);

    [Fact]
    public void One_value_is_every_percentile() => Assert.Equal(7, Percentile.Of([7], 99));

    [Fact]
    public void None_is_zero() => Assert.Equal(0, Percentile.Of([], 99));

    [Fact]
    public void A_summary_is_in_milliseconds()
    {
        var summary = LatencySummary.Of([0.004, 0.001, 0.002, 0.003], [25, 99.9]);
        Assert.Equal(2.5, summary.Mean, 12);
        Assert.Equal(2.5, summary.Median, 12);
        Assert.Equal(Math.Sqrt(1.25), summary.StandardDeviation, 12);
        Assert.Equal([25, 99.9], summary.Percentiles.Select(pair => pair.Percentile));
        Assert.Equal(1.75, summary.Percentiles[0].Value, 12);
        Assert.Equal(3.997, summary.Percentiles[1].Value, 12);
    }
}
