namespace ElasticEp.Rendezvous;

/// <summary>
/// A small consistent key-value store: where processes find each other and where the group's record is fenced.
/// Every call is linearizable. All members may be called at the same time from any thread.
/// Every call throws <see cref="ElasticEpException"/> with <see cref="ElasticEpErrorCode.StoreUnavailable"/> when the store cannot
/// be reached; the outcome of a write is then unknown.
/// </summary>
public interface IRendezvousStore : IAsyncDisposable
{
    /// <summary>The entry of a key, or null.</summary>
    ValueTask<StoreEntry?> GetAsync(string key, CancellationToken cancellationToken = default);

    /// <summary>Sets a key, whatever it held.</summary>
    /// <param name="key">The key, 1 to 1024 characters.</param>
    /// <param name="value">The bytes; copied.</param>
    /// <param name="lease">Deletes the key when it ends; null to keep it.</param>
    /// <param name="cancellationToken">Gives up waiting; the outcome is then unknown.</param>
    ValueTask<StoreEntry> SetAsync(string key, ReadOnlyMemory<byte> value, IStoreLease? lease = null, CancellationToken cancellationToken = default);

    /// <summary>Adds to a counter (8 bytes little-endian; absent counts as zero) and returns the sum.</summary>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.InvalidArgument"/> when the key holds something else.</exception>
    ValueTask<long> AddAsync(string key, long delta, CancellationToken cancellationToken = default);

    /// <summary>Sets a key if its version is <paramref name="expectedVersion"/>; zero means: if it is absent.</summary>
    ValueTask<CompareAndSetResult> CompareAndSetAsync(string key, long expectedVersion, ReadOnlyMemory<byte> value, CancellationToken cancellationToken = default);

    /// <summary>Waits until the key exists with a version above <paramref name="afterVersion"/>.</summary>
    ValueTask<StoreEntry> WaitAsync(string key, long afterVersion = 0, CancellationToken cancellationToken = default);

    /// <summary>Deletes a key; false when it was absent.</summary>
    ValueTask<bool> DeleteAsync(string key, CancellationToken cancellationToken = default);

    /// <summary>All entries whose key starts with <paramref name="prefix"/>, in ordinal order of keys.</summary>
    ValueTask<IReadOnlyList<StoreEntry>> ListAsync(string prefix, CancellationToken cancellationToken = default);

    /// <summary>Creates a lease.</summary>
    /// <param name="timeToLive">It ends when it was not renewed for this long.</param>
    /// <param name="cancellationToken">Gives up.</param>
    ValueTask<IStoreLease> LeaseAsync(TimeSpan timeToLive, CancellationToken cancellationToken = default);

    /// <summary>
    /// All present entries under a prefix, then every change of them, in order, none missed. A slow reader may see only the
    /// newest of several changes of one key. Ends by exception when the token is cancelled or the store is disposed.
    /// </summary>
    IAsyncEnumerable<StoreChange> WatchAsync(string prefix, CancellationToken cancellationToken = default);
}
