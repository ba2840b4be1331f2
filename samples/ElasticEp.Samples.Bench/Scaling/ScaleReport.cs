using ElasticEp.Samples.Bench.Measuring;

namespace ElasticEp.Samples.Bench.Scaling;

/// <summary>What streams saw of one resize that was made. Throughputs are tokens per second; null where there was no time to measure.</summary>
internal sealed record ScaleReport
{
    /// <summary>Most seconds before and after a resize that its throughputs look at.</summary>
    public const double Window = 5;

    public required ScaleOutcome Outcome { get; init; }

    /// <summary>The longest gap, in seconds, in any stream, of those that overlap the resize.</summary>
    public required double? LongestGap { get; init; }

    public required double? ThroughputBefore { get; init; }

    public required double? ThroughputDuring { get; init; }

    public required double? ThroughputAfter { get; init; }

    /// <summary>Reports on each resize. What is looked at before and after one stops at its neighbours and at the ends of the run.</summary>
    public static IReadOnlyList<ScaleReport> Of(IReadOnlyList<ScaleOutcome> resizes, IReadOnlyList<RequestOutcome> requests, double duration)
    {
        var made = resizes.Where(resize => resize is { Start: not null, End: not null }).ToArray();
        var reports = new ScaleReport[made.Length];
        for (var i = 0; i < made.Length; i++)
        {
            var (start, end) = (made[i].Start!.Value, made[i].End!.Value);
            var earliest = Math.Max(start - Window, i == 0 ? 0 : made[i - 1].End!.Value);
            var latest = Math.Min(end + Window, i + 1 == made.Length ? duration : made[i + 1].Start!.Value);
            reports[i] = new ScaleReport
            {
                Outcome = made[i],
                LongestGap = StreamGaps.Longest(requests, start, end)?.Length,
                ThroughputBefore = TokenRate.Between(requests, earliest, start),
                ThroughputDuring = TokenRate.Between(requests, start, end),
                ThroughputAfter = TokenRate.Between(requests, end, latest),
            };
        }

        return reports;
    }
}
