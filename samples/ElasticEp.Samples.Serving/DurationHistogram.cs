namespace ElasticEp.Samples.Serving;

/// <summary>Counts durations in buckets that grow by an eighth of an octave (9 %), from a microsecond on. One writer; any reader.</summary>
public sealed class DurationHistogram
{
    private const int PerOctave = 8;
    private const int Buckets = 27 * PerOctave; // up to two minutes

    private readonly long[] _counts = new long[Buckets];

    /// <summary>Counts a duration.</summary>
    public void Add(TimeSpan duration)
    {
        var microseconds = Math.Max(1, duration.TotalMicroseconds);
        var bucket = Math.Min(Buckets - 1, (int)(Math.Log2(microseconds) * PerOctave));
        Volatile.Write(ref _counts[bucket], _counts[bucket] + 1);
    }

    /// <summary>The counts so far; empty buckets at the end are left out.</summary>
    public long[] Read() => _counts.AsSpan(0, Array.FindLastIndex(_counts, count => count != 0) + 1).ToArray();

    /// <summary>A quantile of what was counted between two readings; zero when nothing was.</summary>
    public static TimeSpan Quantile(ReadOnlySpan<long> before, ReadOnlySpan<long> after, double quantile)
    {
        var total = Sum(after) - Sum(before);
        var rank = quantile * total;
        var seen = 0L;
        for (var bucket = 0; bucket < after.Length && total > 0; bucket++)
        {
            seen += after[bucket] - (bucket < before.Length ? before[bucket] : 0);
            if (seen >= rank)
                return TimeSpan.FromMicroseconds(Math.Pow(2, (bucket + 0.5) / PerOctave));
        }

        return TimeSpan.Zero;
    }

    private static long Sum(ReadOnlySpan<long> counts)
    {
        var sum = 0L;
        foreach (var count in counts)
            sum += count;
        return sum;
    }
}
