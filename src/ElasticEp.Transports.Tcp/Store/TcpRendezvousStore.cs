using System.Runtime.CompilerServices;
using ElasticEp.Rendezvous;
using ElasticEp.Transports.Tcp.Connecting;

namespace ElasticEp.Transports.Tcp.Store;

/// <summary>
/// A client of the store server. It dials when it is first used, and again after a loss. Requests of all callers travel together on
/// one connection and are answered in any order.
/// </summary>
internal sealed partial class TcpRendezvousStore : IRendezvousStore
{
    private readonly Func<CancellationToken, ValueTask<HostAddress>> _address;
    private readonly TcpDialer _dialer;
    private readonly TimeSpan _timeout;
    private readonly TimeProvider _time;
    private readonly Lock _dialing = new();
    private readonly CancellationTokenSource _disposed = new();
    private volatile StoreConnection? _connection;
    private Task<StoreConnection>? _dial;

    /// <param name="address">Where the server is; asked at each dial.</param>
    /// <param name="security">How to prove oneself.</param>
    /// <param name="options">Time limits.</param>
    /// <param name="time">The clock.</param>
    public TcpRendezvousStore(Func<CancellationToken, ValueTask<HostAddress>> address, TcpSecurity security, TcpOptions options, TimeProvider time)
    {
        _address = address;
        _timeout = options.StoreTimeout;
        _time = time;
        _dialer = new TcpDialer(security, options.HandshakeTimeout, time);
    }

    public ValueTask<StoreEntry?> GetAsync(string key, CancellationToken cancellationToken = default)
    {
        Check(key);
        return CallAsync(StoreOperation.Get, null, key, default, body => StoreAnswers.Entry(key, body), cancellationToken);
    }

    public async ValueTask<StoreEntry> SetAsync(string key, ReadOnlyMemory<byte> value, IStoreLease? lease = null, CancellationToken cancellationToken = default)
    {
        Check(key);
        CheckValue(value);
        var number = lease switch
        {
            null => 0,
            TcpStoreLease own when own.Store == this => own.Number,
            _ => throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, "The lease belongs to another store."),
        };
        var copy = value.ToArray();
        var version = await CallAsync(StoreOperation.Set, number, key, copy, StoreAnswers.Number, cancellationToken).ConfigureAwait(false);
        return new StoreEntry(key, copy, version);
    }

    public ValueTask<long> AddAsync(string key, long delta, CancellationToken cancellationToken = default)
    {
        Check(key);
        return CallAsync(StoreOperation.Add, delta, key, default, StoreAnswers.Number, cancellationToken);
    }

    public ValueTask<CompareAndSetResult> CompareAndSetAsync(string key, long expectedVersion, ReadOnlyMemory<byte> value, CancellationToken cancellationToken = default)
    {
        Check(key);
        CheckValue(value);
        return CallAsync(StoreOperation.CompareAndSet, expectedVersion, key, value, body => StoreAnswers.Outcome(key, body), cancellationToken);
    }

    public ValueTask<StoreEntry> WaitAsync(string key, long afterVersion = 0, CancellationToken cancellationToken = default)
    {
        Check(key);
        return CallAsync(StoreOperation.Wait, afterVersion, key, default, body => StoreAnswers.Entry(key, body)!, cancellationToken);
    }

    public async ValueTask<bool> DeleteAsync(string key, CancellationToken cancellationToken = default)
    {
        Check(key);
        return await CallAsync(StoreOperation.Delete, null, key, default, StoreAnswers.Number, cancellationToken).ConfigureAwait(false) != 0;
    }

    public ValueTask<IReadOnlyList<StoreEntry>> ListAsync(string prefix, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        return CallAsync(StoreOperation.List, null, prefix, default, StoreAnswers.List, cancellationToken);
    }

    public async ValueTask<IStoreLease> LeaseAsync(TimeSpan timeToLive, CancellationToken cancellationToken = default)
    {
        var number = await CallAsync(StoreOperation.Lease, timeToLive.Ticks, null, default, StoreAnswers.Number, cancellationToken).ConfigureAwait(false);
        return new TcpStoreLease(this, number, timeToLive, _time);
    }

    public async IAsyncEnumerable<StoreChange> WatchAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        var connection = await OpenAsync(cancellationToken).ConfigureAwait(false);
        var watch = new StoreWatchCall(prefix);
        var number = Send(connection, StoreOperation.Watch, null, prefix, default, watch);
        try
        {
            while (true)
                yield return await watch.ReadAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            connection.Forget(number, isNotified: true);
        }
    }

    public ValueTask RenewAsync(long lease, CancellationToken cancellationToken) =>
        Ignore(CallAsync(StoreOperation.Renew, lease, null, default, StoreAnswers.Number, cancellationToken));

    public ValueTask EndLeaseAsync(long lease) => Ignore(CallAsync(StoreOperation.EndLease, lease, null, default, StoreAnswers.Number, CancellationToken.None));

    /// <summary>For tests: loses the connection as a fault would.</summary>
    internal void Disconnect() => _connection?.End(new ElasticEpException(ElasticEpErrorCode.StoreUnavailable, "The connection was broken on purpose."));

    public async ValueTask DisposeAsync()
    {
        if (_disposed.IsCancellationRequested)
            return;
        await _disposed.CancelAsync().ConfigureAwait(false);
        _connection?.End(Disposed());
    }
}
