using System.Buffers.Binary;

namespace ElasticEp.Rendezvous;

/// <content>What a server and the leases call: keys as spans, and the ends of leases.</content>
public sealed partial class InMemoryRendezvousStore
{
    /// <summary>The entry of a key, or null; without making a string of it.</summary>
    internal StoreEntry? Get(ReadOnlySpan<char> key)
    {
        Check(key);
        lock (_lock)
            return Find(key);
    }

    /// <summary>Sets a key to bytes that the store may keep; its version.</summary>
    internal long Set(ReadOnlySpan<char> key, byte[] value, IStoreLease? lease)
    {
        Check(key);
        lock (_lock)
            return Put(NameOf(key), value, Own(lease)).Version;
    }

    /// <summary>Adds to a counter and returns the sum.</summary>
    internal long Add(ReadOnlySpan<char> key, long delta)
    {
        Check(key);
        lock (_lock)
        {
            var present = Find(key);
            if (present is { Value.Length: not sizeof(long) })
                throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"Key '{key}' holds {present.Value.Length} bytes, not a counter of 8.");
            var sum = (present is null ? 0 : BinaryPrimitives.ReadInt64LittleEndian(present.Value.Span)) + delta;
            var bytes = new byte[sizeof(long)];
            BinaryPrimitives.WriteInt64LittleEndian(bytes, sum);
            Put(NameOf(key), bytes, null);
            return sum;
        }
    }

    /// <inheritdoc cref="CompareAndSetAsync"/>
    /// <remarks>The store keeps the bytes.</remarks>
    internal CompareAndSetResult CompareAndSet(ReadOnlySpan<char> key, long expectedVersion, byte[] value)
    {
        Check(key);
        lock (_lock)
        {
            var present = Find(key);
            return (present?.Version ?? 0) == expectedVersion
                ? new CompareAndSetResult(true, Put(NameOf(key), value, null))
                : new CompareAndSetResult(false, present);
        }
    }

    /// <inheritdoc cref="DeleteAsync"/>
    internal bool Delete(ReadOnlySpan<char> key)
    {
        Check(key);
        lock (_lock)
            return _byName.TryGetValue(key, out var name, out _) && Remove(name);
    }

    /// <inheritdoc cref="ListAsync"/>
    internal IReadOnlyList<StoreEntry> List(string prefix)
    {
        lock (_lock)
        {
            CheckOpen(CancellationToken.None);
            return [.. Under(prefix)];
        }
    }

    /// <inheritdoc cref="LeaseAsync"/>
    internal InMemoryLease Lease(TimeSpan timeToLive)
    {
        if (timeToLive <= TimeSpan.Zero)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"A lease of {timeToLive} is not positive.");
        if (timeToLive > MaxTimeToLive)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"A lease of {timeToLive} is longer than {MaxTimeToLive}.");
        lock (_lock)
        {
            CheckOpen(CancellationToken.None);
            var lease = new InMemoryLease(this, ++_lastLease, timeToLive, _time);
            _leases.Add(lease);
            Journal?.Lease(lease.Number, timeToLive);
            return lease;
        }
    }

    /// <summary>Extends a lease; false when it has ended.</summary>
    internal bool TryRenew(InMemoryLease lease)
    {
        lock (_lock)
        {
            if (!_leases.Contains(lease) || lease.Left <= TimeSpan.Zero)
                return false;
            lease.Extend();
            return true;
        }
    }

    /// <summary>Ends a lease and deletes its keys; false when it had ended.</summary>
    internal bool TryEnd(InMemoryLease lease)
    {
        lock (_lock)
        {
            if (!_leases.Remove(lease))
                return false;
            foreach (var key in _entries.Where(entry => entry.Value.Lease == lease).Select(entry => entry.Key).ToArray())
                Remove(key);
            Journal?.EndLease(lease.Number);
            return true;
        }
    }

    /// <summary>Ends a lease whose time is over; false when it had ended or has been renewed.</summary>
    internal bool TryExpire(InMemoryLease lease, out TimeSpan left)
    {
        lock (_lock)
        {
            left = _leases.Contains(lease) ? lease.Left : TimeSpan.Zero;
            return left <= TimeSpan.Zero && TryEnd(lease);
        }
    }
}
