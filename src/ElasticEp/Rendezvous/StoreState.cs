namespace ElasticEp.Rendezvous;

/// <summary>All that a store has to keep: entries, leases without the time they have left, and the numbers used so far.</summary>
internal sealed class StoreState
{
    /// <summary>The highest version given to any change.</summary>
    public long Version { get; set; }

    /// <summary>The highest number given to any lease.</summary>
    public long LastLease { get; set; }

    /// <summary>Entries by key, each with the number of its lease; 0 for none.</summary>
    public Dictionary<string, (StoreEntry Entry, long Lease)> Entries { get; } = new(StringComparer.Ordinal);

    /// <summary>Time to live of each lease by number.</summary>
    public Dictionary<long, TimeSpan> Leases { get; } = [];
}
