using ElasticEp.Rendezvous;

namespace ElasticEp.Transports.Tcp.Store;

/// <summary>The changes of a watch, until its reader takes them. Only the newest change of a key is kept while nobody reads.</summary>
internal sealed class StoreWatchCall(string prefix) : IStoreCall
{
    private readonly Lock _lock = new();
    private readonly StoreWatcher _changes = new(prefix);
    private readonly TaskCompletionSource _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public bool Answer(StoreStatus status, ReadOnlySpan<byte> body)
    {
        if (status == StoreStatus.Refused)
        {
            Fail(StoreAnswers.Refusal(body));
            return true;
        }

        var isPresent = StoreProtocol.Take(ref body, 1)[0] != 0;
        var version = StoreProtocol.ReadLong(ref body);
        var key = StoreProtocol.ReadKey(ref body);
        lock (_lock)
            _changes.Show(new StoreChange(key, isPresent ? new StoreEntry(key, body.ToArray(), version) : null));
        return false;
    }

    public void Fail(Exception reason)
    {
        _failed.TrySetException(reason);
        _ = _failed.Task.Exception;
    }

    /// <summary>The next change.</summary>
    public async ValueTask<StoreChange> ReadAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            lock (_lock)
            {
                if (_changes.Take() is { } change)
                    return change;
            }

            var news = _changes.WaitAsync(cancellationToken).AsTask();
            if (await Task.WhenAny(news, _failed.Task).ConfigureAwait(false) == _failed.Task && !news.IsCompletedSuccessfully)
                await _failed.Task.ConfigureAwait(false);
            else
                await news.ConfigureAwait(false);
        }
    }
}
