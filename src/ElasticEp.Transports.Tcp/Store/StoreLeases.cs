using System.Collections.Concurrent;
using ElasticEp.Rendezvous;

namespace ElasticEp.Transports.Tcp.Store;

/// <summary>The leases of a store server by number. They live on when the connection that took them is lost, until they expire.</summary>
internal sealed class StoreLeases(InMemoryRendezvousStore store)
{
    /// <summary>Leases that a server keeps.</summary>
    public const int Max = 65_536;

    private readonly ConcurrentDictionary<long, InMemoryLease> _leases = new();
    private long _numbers;

    public int Count => _leases.Count;

    public long Add(TimeSpan timeToLive)
    {
        if (_leases.Count >= Max)
            throw new ElasticEpException(ElasticEpErrorCode.StoreUnavailable, $"The store has {Max} leases already.");
        var lease = store.Lease(timeToLive);
        var number = Interlocked.Increment(ref _numbers);
        _leases[number] = lease;
        lease.Ended.UnsafeRegister(_ => _leases.TryRemove(number, out InMemoryLease? ended), null);
        return number;
    }

    public InMemoryLease Find(long number) => _leases.TryGetValue(number, out var lease)
        ? lease
        : throw new ElasticEpException(ElasticEpErrorCode.StoreUnavailable, "The lease has ended: it was not renewed in time, or the store was restarted. Take a new one.");

    public void End(long number)
    {
        if (_leases.TryRemove(number, out var lease))
            _ = lease.DisposeAsync().AsTask();
    }
}
