namespace ElasticEp.Rendezvous;

/// <summary>A lease of the in-memory store. Whether it has ended is decided under the store's lock, once.</summary>
internal sealed class InMemoryLease : IStoreLease
{
    private readonly CancellationTokenSource _ended = new();
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private long _renewed;

    public InMemoryLease(InMemoryRendezvousStore store, long number, TimeSpan timeToLive, TimeProvider time)
    {
        Store = store;
        Ended = _ended.Token;
        Number = number;
        TimeToLive = timeToLive;
        _time = time;
        _renewed = time.GetTimestamp();
        _timer = time.CreateTimer(static state => ((InMemoryLease)state!).OnTimer(), this, timeToLive, Timeout.InfiniteTimeSpan);
    }

    public InMemoryRendezvousStore Store { get; }

    /// <summary>Names the lease within its store; never used twice.</summary>
    public long Number { get; }

    public TimeSpan TimeToLive { get; }

    public CancellationToken Ended { get; }

    /// <summary>What is left to live; zero or less when it is over. Under the store's lock.</summary>
    public TimeSpan Left => TimeToLive - _time.GetElapsedTime(_renewed);

    public ValueTask RenewAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Renew();
        return default;
    }

    /// <inheritdoc cref="IStoreLease.RenewAsync"/>
    public void Renew()
    {
        if (!Store.TryRenew(this))
            throw new ElasticEpException(ElasticEpErrorCode.StoreUnavailable, $"The lease of {TimeToLive} has ended: it was not renewed in time, or it or the store was disposed. Take a new one.");
    }

    public async ValueTask DisposeAsync()
    {
        if (Store.TryEnd(this))
            await CloseAsync().ConfigureAwait(false);
    }

    /// <summary>Starts anew. Under the store's lock.</summary>
    public void Extend()
    {
        _renewed = _time.GetTimestamp();
        _timer.Change(TimeToLive, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Tells the holder that the lease has ended and its keys are gone. Not under the store's lock.</summary>
    public async Task CloseAsync()
    {
        await _timer.DisposeAsync().ConfigureAwait(false);
        await _ended.CancelAsync().ConfigureAwait(false);
    }

    private void OnTimer()
    {
        if (Store.TryExpire(this, out var left))
            _ = CloseAsync();
        else if (left > TimeSpan.Zero)
            _timer.Change(left, Timeout.InfiniteTimeSpan); // it was renewed while the timer fired
    }
}
