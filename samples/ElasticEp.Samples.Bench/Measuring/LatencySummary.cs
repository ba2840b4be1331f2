namespace ElasticEp.Samples.Bench.Measuring;

/// <summary>A distribution of times, in milliseconds.</summary>
internal sealed record LatencySummary(double Mean, double Median, double StandardDeviation, IReadOnlyList<(double Percentile, double Value)> Percentiles)
{
    /// <param name="seconds">The times, in any order; sorted in place. All figures are 0 for none.</param>
    /// <param name="percentiles">0 to 100 each.</param>
    public static LatencySummary Of(List<double> seconds, IReadOnlyList<double> percentiles)
    {
        seconds.Sort();
        var sorted = seconds.ToArray();
        var mean = sorted.Length == 0 ? 0 : sorted.Average();
        var variance = sorted.Length == 0 ? 0 : sorted.Average(value => (value - mean) * (value - mean));
        return new LatencySummary(
            mean * 1000,
            Percentile.Of(sorted, 50) * 1000,
            Math.Sqrt(variance) * 1000,
            [.. percentiles.Select(percentile => (percentile, Percentile.Of(sorted, percentile) * 1000))]);
    }
}
