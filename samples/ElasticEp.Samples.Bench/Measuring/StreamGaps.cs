namespace ElasticEp.Samples.Bench.Measuring;

/// <summary>The longest silence in the middle of a stream; those that failed later count too.</summary>
internal static class StreamGaps
{
    /// <returns>Null when no stream had two pieces.</returns>
    public static StreamGap? Longest(IReadOnlyList<RequestOutcome> outcomes) => Longest(outcomes, double.NegativeInfinity, double.PositiveInfinity);

    /// <summary>Of the gaps that overlap a span of time, however little.</summary>
    public static StreamGap? Longest(IReadOnlyList<RequestOutcome> outcomes, double from, double to)
    {
        StreamGap? longest = null;
        foreach (var outcome in outcomes)
        {
            for (var i = 1; i < outcome.Chunks.Count; i++)
            {
                var (before, after) = (outcome.Chunks[i - 1].Time, outcome.Chunks[i].Time);
                if (before < to && after > from && !(longest?.Length >= after - before))
                    longest = new StreamGap(before, after - before);
            }
        }

        return longest;
    }
}
