using System.Threading.Channels;

namespace ElasticEp.Rendezvous;

/// <summary>
/// What one watch has not read yet: at most one change per key, the newest. A key that came and went unread is forgotten, so
/// that a slow reader costs no more memory than there are keys and keys it has read. Everything but waiting happens under the store's lock.
/// </summary>
internal sealed class StoreWatcher(string prefix)
{
    private readonly LinkedList<StoreChange> _changes = [];
    private readonly Dictionary<string, LinkedListNode<StoreChange>> _byKey = new(StringComparer.Ordinal);
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);
    private readonly Channel<bool> _news = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    public string Prefix { get; } = prefix;

    /// <summary>Changes that are not read yet.</summary>
    public int Count => _changes.Count;

    public void Show(StoreChange change)
    {
        if (_byKey.Remove(change.Key, out var older))
            _changes.Remove(older);
        if (change.Entry is null && !_known.Contains(change.Key))
            return;
        _byKey[change.Key] = _changes.AddLast(change);
        _news.Writer.TryWrite(true);
    }

    public StoreChange? Take()
    {
        if (_changes.First is not { Value: var change })
            return null;
        _changes.RemoveFirst();
        _byKey.Remove(change.Key);
        if (change.Entry is null)
            _known.Remove(change.Key);
        else
            _known.Add(change.Key);
        return change;
    }

    public async ValueTask WaitAsync(CancellationToken cancellationToken) => await _news.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
}
