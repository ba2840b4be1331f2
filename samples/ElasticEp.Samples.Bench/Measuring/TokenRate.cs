namespace ElasticEp.Samples.Bench.Measuring;

/// <summary>How fast tokens came.</summary>
internal static class TokenRate
{
    /// <summary>Most pieces of streams in one second, in whole seconds from the first request.</summary>
    public static double Peak(IReadOnlyList<RequestOutcome> outcomes)
    {
        if (outcomes.Count == 0)
            return 0;
        var from = outcomes.Min(outcome => outcome.Start);
        var seconds = new int[(int)(outcomes.Max(outcome => outcome.End) - from) + 1];
        foreach (var outcome in outcomes)
        {
            foreach (var chunk in outcome.Chunks)
                seconds[(int)(chunk.Time - from)]++;
        }

        return seconds.Max();
    }

    /// <summary>Tokens per second in each interval of <paramref name="width"/> seconds from the start of the run to <paramref name="duration"/>.</summary>
    public static double[] Series(IReadOnlyList<RequestOutcome> outcomes, double duration, double width)
    {
        var rates = new double[Math.Max(1, (int)Math.Ceiling(duration / width))];
        foreach (var outcome in outcomes)
        {
            foreach (var chunk in outcome.Chunks)
                rates[Math.Clamp((int)(chunk.Time / width), 0, rates.Length - 1)] += chunk.Tokens;
        }

        for (var i = 0; i < rates.Length; i++)
        {
            var covered = Math.Min(width, duration - (i * width));
            rates[i] = covered > 0 ? rates[i] / covered : 0;
        }

        return rates;
    }

    /// <summary>Tokens per second from <paramref name="from"/> until just before <paramref name="to"/>; null for an empty span.</summary>
    public static double? Between(IReadOnlyList<RequestOutcome> outcomes, double from, double to)
    {
        if (to <= from)
            return null;
        var tokens = 0L;
        foreach (var outcome in outcomes)
        {
            foreach (var chunk in outcome.Chunks)
            {
                if (chunk.Time >= from && chunk.Time < to)
                    tokens += chunk.Tokens;
            }
        }

        return tokens / (to - from);
    }
}
