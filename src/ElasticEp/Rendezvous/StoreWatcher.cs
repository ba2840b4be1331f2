using System.Threading.Channels;

namespace ElasticEp.Rendezvous;

/// <summary>
/// What one watch has not read yet: at most one change per key, the newest, so that a slow reader costs no more memory than
/// there are keys. Everything but waiting happens under the store's lock.
/// </summary>
internal sealed class StoreWatcher(string prefix)
{
    private readonly LinkedList<StoreChange> _changes = [];
    private readonly Dictionary<string, LinkedListNode<StoreChange>> _byKey = new(StringComparer.Ordinal);
    private readonly Channel<bool> _news = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    public string Prefix { get; } = prefix;

    public void Show(StoreChange change)
    {
        if (_byKey.Remove(change.Key, out var older))
            _changes.Remove(older);
        _byKey[change.Key] = _changes.AddLast(change);
        _news.Writer.TryWrite(true);
    }

    public StoreChange? Take()
    {
        if (_changes.First is not { } first)
            return null;
        _changes.RemoveFirst();
        _byKey.Remove(first.Value.Key);
        return first.Value;
    }

    public async ValueTask WaitAsync(CancellationToken cancellationToken) => await _news.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
}
