namespace ElasticEp.Samples.Bench.Measuring;

/// <summary>Percentiles with linear interpolation between neighbours, as numpy's default.</summary>
internal static class Percentile
{
    /// <param name="sorted">Ascending; 0 is returned for none.</param>
    /// <param name="percentile">0 to 100.</param>
    public static double Of(ReadOnlySpan<double> sorted, double percentile)
    {
        if (sorted.IsEmpty)
            return 0;
        var place = percentile / 100 * (sorted.Length - 1);
        var below = (int)place;
        return below + 1 == sorted.Length
            ? sorted[below]
            : sorted[below] + ((sorted[below + 1] - sorted[below]) * (place - below));
    }
}
