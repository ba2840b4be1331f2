namespace ElasticEp.Transports.Tcp.Transport;

/// <summary>Spreads the weight frames of this process evenly over time: a token bucket that may be overdrawn by one frame.</summary>
internal sealed class WeightPacer(long? bytesPerSecond, TimeProvider time)
{
    private readonly Lock _lock = new();
    private long _freeAt;

    public ValueTask WaitAsync(long bytes, CancellationToken cancellationToken)
    {
        if (bytesPerSecond is not { } rate)
            return default;
        TimeSpan wait;
        lock (_lock)
        {
            var now = time.GetTimestamp();
            wait = _freeAt > now ? time.GetElapsedTime(now, _freeAt) : TimeSpan.Zero;
            _freeAt = Math.Max(_freeAt, now) + (long)((double)bytes / rate * time.TimestampFrequency);
        }

        return wait == TimeSpan.Zero ? default : new ValueTask(Task.Delay(wait, time, cancellationToken));
    }
}
