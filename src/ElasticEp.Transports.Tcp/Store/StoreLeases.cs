using System.Collections.Concurrent;
using ElasticEp.Rendezvous;

namespace ElasticEp.Transports.Tcp.Store;

/// <summary>The leases of a store server by number. They live on when the connection that took them is lost, until they expire.</summary>
internal sealed class StoreLeases(InMemoryRendezvousStore store)
{
    /// <summary>Leases that a server keeps.</summary>
    public const int Max = 65_536;

    private readonly ConcurrentDictionary<long, InMemoryLease> _leases = new();

    public int Count => _leases.Count;

    public long Add(TimeSpan timeToLive)
    {
        if (_leases.Count >= Max)
            throw new ElasticEpException(ElasticEpErrorCode.StoreUnavailable, $"The store has {Max} leases already.");
        var lease = store.Lease(timeToLive);
        Add(lease);
        return lease.Number;
    }

    /// <summary>Keeps a lease that the store has.</summary>
    public void Add(InMemoryLease lease)
    {
        _leases[lease.Number] = lease;
        lease.Ended.UnsafeRegister(_ => _leases.TryRemove(lease.Number, out InMemoryLease? ended), null);
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
