namespace ElasticEp.Samples.Bench.Measuring;

/// <summary>How many requests ran at a time.</summary>
internal static class Concurrency
{
    /// <summary>Most requests between their start and their last token; one that starts when another ends does not overlap it.</summary>
    public static int Peak(IReadOnlyList<RequestOutcome> outcomes)
    {
        var starts = outcomes.Select(outcome => outcome.Start).Order().ToArray();
        var ends = outcomes.Select(outcome => outcome.End).Order().ToArray();
        var (peak, ended) = (0, 0);
        for (var started = 0; started < starts.Length; started++)
        {
            while (ends[ended] <= starts[started])
                ended++;
            peak = Math.Max(peak, started + 1 - ended);
        }

        return peak;
    }
}
