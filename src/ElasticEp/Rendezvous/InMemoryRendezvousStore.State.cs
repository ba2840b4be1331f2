namespace ElasticEp.Rendezvous;

/// <content>What a journal and a restart need: the whole state, out and in.</content>
public sealed partial class InMemoryRendezvousStore
{
    /// <summary>Is given every change; null for a store that lives in memory only.</summary>
    internal IStoreJournal? Journal { get; set; }

    /// <summary>Fills a store that is new. Leases begin anew, with their full time.</summary>
    /// <returns>The leases.</returns>
    internal IReadOnlyList<InMemoryLease> Restore(StoreState state)
    {
        lock (_lock)
        {
            (_version, _lastLease) = (state.Version, state.LastLease);
            var leases = state.Leases.ToDictionary(lease => lease.Key, lease => new InMemoryLease(this, lease.Key, lease.Value, _time));
            _leases.UnionWith(leases.Values);
            foreach (var (key, (entry, lease)) in state.Entries)
            {
                _entries.Add(key, (entry, lease == 0 ? null : leases[lease]));
                _bytes += SizeOf(key, entry.Value.Length);
            }

            return [.. leases.Values];
        }
    }

    /// <summary>The state now; <paramref name="taken"/> runs before any further change.</summary>
    internal StoreState Snapshot(Action taken)
    {
        lock (_lock)
        {
            var state = new StoreState { Version = _version, LastLease = _lastLease };
            foreach (var (key, (entry, lease)) in _entries)
                state.Entries.Add(key, (entry, lease?.Number ?? 0));
            foreach (var lease in _leases)
                state.Leases.Add(lease.Number, lease.TimeToLive);
            taken();
            return state;
        }
    }
}
