namespace ElasticEp.Runtime;

/// <summary>
/// For how long a rank has not answered a question to itself, on the way that all its events take: through the thread pool and its core.
/// Heartbeats come from a thread of their own and would flow on when every thread of the pool is blocked, or the core hangs.
/// </summary>
/// <param name="ask">Sends the question, and returns at once.</param>
/// <param name="interval">Time between two measurements.</param>
/// <param name="time">The clock.</param>
internal sealed class CoreLag(Action ask, TimeSpan interval, TimeProvider time)
{
    private const long None = long.MinValue;

    private long _askedAt = None;
    private long _measuredAt = None; // of the thread that measures alone

    /// <summary>The lag now. Any thread may look.</summary>
    public TimeSpan Current => Since(Volatile.Read(ref _askedAt), time.GetTimestamp());

    /// <summary>The question has been answered.</summary>
    public void OnAnswered() => Volatile.Write(ref _askedAt, None);

    /// <summary>The lag now; asks again if the last question was answered.</summary>
    public TimeSpan Measure()
    {
        var (now, askedAt) = (time.GetTimestamp(), Volatile.Read(ref _askedAt));
        var stopped = Since(_measuredAt, now) - (interval * 2);
        _measuredAt = now;
        if (askedAt == None)
        {
            Volatile.Write(ref _askedAt, now);
            ask();
        }
        else if (stopped > TimeSpan.Zero)
        {
            // The whole process was stopped: that is not the core's doing.
            Interlocked.CompareExchange(ref _askedAt, askedAt + (long)(stopped.TotalSeconds * time.TimestampFrequency), askedAt);
        }

        return Current;
    }

    private TimeSpan Since(long timestamp, long now) => timestamp == None ? TimeSpan.Zero : time.GetElapsedTime(timestamp, now);
}
