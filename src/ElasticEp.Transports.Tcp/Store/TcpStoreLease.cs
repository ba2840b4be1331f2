using ElasticEp.Rendezvous;

namespace ElasticEp.Transports.Tcp.Store;

/// <summary>
/// A lease that lives at the server. This end counts along: it takes the lease for ended when it could not be renewed in time,
/// which is never earlier than the server does.
/// </summary>
internal sealed class TcpStoreLease : IStoreLease
{
    private readonly TcpRendezvousStore _store;
    private readonly TimeSpan _timeToLive;
    private readonly CancellationTokenSource _ended = new();
    private readonly ITimer _timer;

    public TcpStoreLease(TcpRendezvousStore store, long number, TimeSpan timeToLive, TimeProvider time)
    {
        _store = store;
        Number = number;
        _timeToLive = timeToLive;
        Ended = _ended.Token;
        _timer = time.CreateTimer(static state => ((TcpStoreLease)state!)._ended.Cancel(), this, timeToLive, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Number at the server.</summary>
    public long Number { get; }

    public TcpRendezvousStore Store => _store;

    public CancellationToken Ended { get; }

    public async ValueTask RenewAsync(CancellationToken cancellationToken = default)
    {
        if (Ended.IsCancellationRequested)
            throw new ElasticEpException(ElasticEpErrorCode.StoreUnavailable, $"The lease of {_timeToLive} has ended: it was not renewed in time. Take a new one.");
        await _store.RenewAsync(Number, cancellationToken).ConfigureAwait(false);
        _timer.Change(_timeToLive, Timeout.InfiniteTimeSpan);
    }

    public async ValueTask DisposeAsync()
    {
        await _timer.DisposeAsync().ConfigureAwait(false);
        if (Ended.IsCancellationRequested)
            return;
        await _ended.CancelAsync().ConfigureAwait(false);
        try
        {
            await _store.EndLeaseAsync(Number).ConfigureAwait(false);
        }
        catch (ElasticEpException)
        {
            // the server ends it by itself, later
        }
    }
}
