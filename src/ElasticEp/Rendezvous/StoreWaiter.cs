namespace ElasticEp.Rendezvous;

/// <summary>One wait for a version of a key. It sees every change, so that a value that is replaced or deleted at once still ends it.</summary>
internal sealed class StoreWaiter(string key, long afterVersion)
{
    private readonly TaskCompletionSource<StoreEntry> _found = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string Key => key;

    public Task<StoreEntry> Found => _found.Task;

    public bool IsEndedBy(StoreEntry entry) => entry.Key == key && entry.Version > afterVersion;

    public void End(StoreEntry entry) => _found.TrySetResult(entry);

    public void Fail(Exception exception) => _found.TrySetException(exception);
}
