using ElasticEp.Benchmarks.Steps;

namespace ElasticEp.Benchmarks.Comparing;

/// <summary>Where a median lies, by the percentile bootstrap (Efron and Tibshirani 1993, chapter 13).</summary>
/// <param name="Low">2.5 % of the resampled medians are below.</param>
/// <param name="High">2.5 % are above.</param>
internal readonly record struct MedianInterval(double Low, double High)
{
    private const int Resamples = 10_000;

    public static MedianInterval Of(double[] values, int seed)
    {
        var random = new Random(seed);
        var medians = new double[Resamples];
        for (var i = 0; i < Resamples; i++)
            medians[i] = Numbers.Median(random.GetItems(values, values.Length));
        return new MedianInterval(Numbers.Percentile(medians, 2.5), Numbers.Percentile(medians, 97.5));
    }
}
