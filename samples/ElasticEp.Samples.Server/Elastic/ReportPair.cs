using ElasticEp.Samples.Serving;

namespace ElasticEp.Samples.Server.Elastic;

/// <summary>A rank's newest report and the one before, of the same process.</summary>
/// <param name="Last">The newest.</param>
/// <param name="Before">The one before; null at first.</param>
/// <param name="At">Timestamp of the newest.</param>
/// <param name="Between">Time between the two.</param>
internal sealed record ReportPair(RankReport Last, RankReport? Before, long At, TimeSpan Between)
{
    /// <summary>Mean milliseconds of a step between the two reports, and its parts.</summary>
    public (double Step, double Exchange, double Wait)? StepMilliseconds
    {
        get
        {
            var steps = Last.Steps - (Before?.Steps ?? 0);
            return steps <= 0 ? null : (Mean(report => report.StepSeconds), Mean(report => report.ExchangeSeconds), Mean(report => report.WaitSeconds));
            double Mean(Func<RankReport, double> value) => 1000 * (value(Last) - (Before is null ? 0 : value(Before))) / steps;
        }
    }

    public double? TokensPerSecond => Before is null || Between <= TimeSpan.Zero ? null : (Last.GeneratedTokens - Before.GeneratedTokens) / Between.TotalSeconds;

    /// <summary>Rows that came to its experts between the two reports, <c>[layers, experts]</c>.</summary>
    public long[] ReceivedRows => Before is null ? Last.ReceivedRows : [.. Last.ReceivedRows.Zip(Before.ReceivedRows, (now, then) => now - then)];
}
