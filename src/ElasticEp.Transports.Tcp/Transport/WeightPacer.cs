namespace ElasticEp.Transports.Tcp.Transport;

/// <summary>Spreads the weight frames of this process evenly over time: a token bucket that may be overdrawn by one frame.</summary>
internal sealed class WeightPacer(long bytesPerSecond, TimeProvider time)
{
    private readonly Lock _lock = new();
    private long _freeAt;

    /// <summary>Takes the time that so many bytes need.</summary>
    /// <returns>How long to wait before they are sent.</returns>
    public TimeSpan Take(long bytes)
    {
        lock (_lock)
        {
            var now = time.GetTimestamp();
            var wait = _freeAt > now ? time.GetElapsedTime(now, _freeAt) : TimeSpan.Zero;
            _freeAt = Math.Max(_freeAt, now) + Ticks(bytes);
            return wait;
        }
    }

    /// <summary>They were not sent after all.</summary>
    public void GiveBack(long bytes)
    {
        lock (_lock)
            _freeAt -= Ticks(bytes);
    }

    private long Ticks(long bytes) => (long)((double)bytes / bytesPerSecond * time.TimestampFrequency);
}
