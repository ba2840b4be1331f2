namespace ElasticEp.Rendezvous;

/// <summary>A lease of the in-memory store.</summary>
internal sealed class InMemoryLease : IStoreLease
{
    private readonly CancellationTokenSource _ended = new();
    private readonly TimeSpan _timeToLive;
    private readonly ITimer _timer;

    public InMemoryLease(InMemoryRendezvousStore store, TimeSpan timeToLive, TimeProvider time)
    {
        Store = store;
        _timeToLive = timeToLive;
        _timer = time.CreateTimer(static state => ((InMemoryLease)state!).Expire(), this, timeToLive, Timeout.InfiniteTimeSpan);
    }

    public InMemoryRendezvousStore Store { get; }

    public CancellationToken Ended => _ended.Token;

    public ValueTask RenewAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (_ended.IsCancellationRequested || !_timer.Change(_timeToLive, Timeout.InfiniteTimeSpan))
            throw new ElasticEpException(ElasticEpErrorCode.StoreUnavailable, $"The lease was not renewed within {_timeToLive} and has ended; take a new one.");
        return default;
    }

    public async ValueTask DisposeAsync()
    {
        Expire();
        await _timer.DisposeAsync().ConfigureAwait(false);
    }

    private void Expire()
    {
        if (_ended.IsCancellationRequested)
            return;
        _ended.Cancel();
        Store.End(this);
    }
}
