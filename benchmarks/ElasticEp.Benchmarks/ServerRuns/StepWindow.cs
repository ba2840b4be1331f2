using ElasticEp.Samples.Serving;

namespace ElasticEp.Benchmarks.ServerRuns;

/// <summary>The steps of a time span, by duration, of all ranks that were there at both of its ends.</summary>
internal sealed class StepWindow
{
    private long[] _counts = [];

    public long Steps => _counts.Sum();

    public void Add(ServerState before, ServerState after)
    {
        foreach (var rank in after.Ranks)
        {
            if (before.Ranks.FirstOrDefault(other => other.Incarnation == rank.Incarnation) is not { StepDurations: { } from } || rank.StepDurations is not { } to)
                continue;
            if (_counts.Length < to.Length)
                Array.Resize(ref _counts, to.Length);
            for (var bucket = 0; bucket < to.Length; bucket++)
                _counts[bucket] += to[bucket] - (bucket < from.Length ? from[bucket] : 0);
        }
    }

    /// <summary>A quantile, in milliseconds, exact to the buckets that ranks count in.</summary>
    public double Quantile(double quantile) => DurationHistogram.Quantile([], _counts, quantile).TotalMilliseconds;
}
