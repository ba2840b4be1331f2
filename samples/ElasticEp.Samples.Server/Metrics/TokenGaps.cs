using ElasticEp.Samples.Serving;

namespace ElasticEp.Samples.Server.Metrics;

/// <summary>Tokens and the gaps between them since the start. Written under the front end's lock.</summary>
internal sealed class TokenGaps
{
    private readonly DurationHistogram _gaps = new();
    private long _tokens;
    private long _count;
    private long _ticks;

    public void AddToken() => Interlocked.Increment(ref _tokens);

    public void Add(TimeSpan gap)
    {
        AddToken();
        _gaps.Add(gap);
        Interlocked.Increment(ref _count);
        Interlocked.Add(ref _ticks, gap.Ticks);
    }

    /// <summary>Everything so far; a window is the difference of two readings.</summary>
    public (long Tokens, long Gaps, TimeSpan Sum, long[] Durations) Read() => (Volatile.Read(ref _tokens), Volatile.Read(ref _count), new TimeSpan(Volatile.Read(ref _ticks)), _gaps.Read());
}
