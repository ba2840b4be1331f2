namespace ElasticEp.Runtime;

/// <summary>
/// For how long a rank has handled nothing, though it was asked to: heartbeats come from a thread of their own and would flow on when its
/// core hangs, or when every thread of the pool is blocked for good. Used by that thread alone.
/// </summary>
/// <param name="handled">How many events the rank has handled so far.</param>
/// <param name="ask">Has it handle one more, on the way that all events take, and returns at once.</param>
/// <param name="interval">Time between two measurements.</param>
/// <param name="time">The clock.</param>
internal sealed class CoreLag(Func<long> handled, Action ask, TimeSpan interval, TimeProvider time)
{
    private long? _askedWith; // events that were handled when it was asked last; null when it has answered
    private long _askedAt;
    private long _measuredAt;

    public TimeSpan Measure()
    {
        var (now, count) = (time.GetTimestamp(), handled());
        if (_askedWith is { } before && count == before)
        {
            // The process was stopped: that is not the core's doing.
            var late = time.GetElapsedTime(_measuredAt, now) - (interval * 2);
            if (late > TimeSpan.Zero)
                _askedAt += (long)(late.TotalSeconds * time.TimestampFrequency);
        }
        else
        {
            (_askedWith, _askedAt) = (count, now);
            ask();
        }

        _measuredAt = now;
        return time.GetElapsedTime(_askedAt, now);
    }
}
