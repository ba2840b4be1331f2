namespace ElasticEp.Transport;

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

    /// <summary>Waits until bytes whose time was taken may be sent. A call that is cancelled gives the time back.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="wait">What <see cref="Take"/> has said.</param>
    /// <param name="connectionEnded">Ends the wait; sending then says why.</param>
    /// <param name="cancellationToken">Cancels the send.</param>
    public async ValueTask WaitAsync(long bytes, TimeSpan wait, CancellationToken connectionEnded, CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, connectionEnded);
        try
        {
            await Task.Delay(wait, time, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            lock (_lock)
                _freeAt -= Ticks(bytes);
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    private long Ticks(long bytes) => (long)((double)bytes / bytesPerSecond * time.TimestampFrequency);
}
