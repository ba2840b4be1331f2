namespace ElasticEp.Rendezvous;

/// <summary>Is given every change of an in-memory store, in order, under the store's lock: it only takes notes.</summary>
internal interface IStoreJournal
{
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.StoreUnavailable"/>: an earlier change could not be kept, so no further call is served.</exception>
    void ThrowIfFailed();

    /// <param name="entry">What a key holds now.</param>
    /// <param name="lease">Number of the lease that the key lives under; 0 for none.</param>
    void Put(StoreEntry entry, long lease);

    /// <param name="key">The key that is gone.</param>
    /// <param name="version">The store's version after that.</param>
    void Delete(string key, long version);

    void Lease(long number, TimeSpan timeToLive);

    void EndLease(long number);
}
