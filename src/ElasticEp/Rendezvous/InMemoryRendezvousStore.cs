using System.Runtime.CompilerServices;

namespace ElasticEp.Rendezvous;

/// <summary>A store in the memory of this process, for groups whose ranks all live in it. One lock orders every call.</summary>
public sealed partial class InMemoryRendezvousStore : IRendezvousStore
{
    private const int MaxKeyLength = 1024;
    private const int EntryBytes = 200; // what an entry takes beside key and value, about

    private static readonly TimeSpan MaxTimeToLive = TimeSpan.FromDays(49); // what a timer takes

    private readonly Lock _lock = new();
    private readonly Dictionary<string, (StoreEntry Entry, InMemoryLease? Lease)> _entries = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (StoreEntry Entry, InMemoryLease? Lease)>.AlternateLookup<ReadOnlySpan<char>> _byName;
    private readonly List<StoreWatcher> _watchers = [];
    private readonly List<StoreWaiter> _waiters = [];
    private readonly HashSet<InMemoryLease> _leases = [];
    private readonly CancellationTokenSource _disposed = new();
    private readonly TimeProvider _time;
    private long _version;
    private long _bytes;
    private long _lastLease;
    private volatile bool _isDisposed;

    /// <summary>Creates an empty store.</summary>
    /// <param name="time">The clock of its leases; the system's by default.</param>
    public InMemoryRendezvousStore(TimeProvider? time = null)
    {
        _time = time ?? TimeProvider.System;
        _byName = _entries.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <summary>Bytes that keys and values may take; what would exceed them is refused. No limit by default.</summary>
    internal long MaxBytes { get; init; } = long.MaxValue;

    /// <inheritdoc/>
    public ValueTask<StoreEntry?> GetAsync(string key, CancellationToken cancellationToken = default)
    {
        Check(key, cancellationToken);
        return ValueTask.FromResult(Get(key));
    }

    /// <inheritdoc/>
    public ValueTask<StoreEntry> SetAsync(string key, ReadOnlyMemory<byte> value, IStoreLease? lease = null, CancellationToken cancellationToken = default)
    {
        Check(key, cancellationToken);
        lock (_lock)
            return ValueTask.FromResult(Put(key, value.ToArray(), Own(lease)));
    }

    /// <inheritdoc/>
    public ValueTask<long> AddAsync(string key, long delta, CancellationToken cancellationToken = default)
    {
        Check(key, cancellationToken);
        return ValueTask.FromResult(Add(key, delta));
    }

    /// <inheritdoc/>
    public ValueTask<CompareAndSetResult> CompareAndSetAsync(string key, long expectedVersion, ReadOnlyMemory<byte> value, CancellationToken cancellationToken = default)
    {
        Check(key, cancellationToken);
        return ValueTask.FromResult(CompareAndSet(key, expectedVersion, value.ToArray()));
    }

    /// <inheritdoc/>
    public async ValueTask<StoreEntry> WaitAsync(string key, long afterVersion = 0, CancellationToken cancellationToken = default)
    {
        Check(key, cancellationToken);
        var waiter = new StoreWaiter(key, afterVersion);
        lock (_lock)
        {
            CheckOpen(cancellationToken);
            if (Find(key) is { } present && waiter.IsEndedBy(present))
                return present;
            _waiters.Add(waiter);
        }

        try
        {
            return await waiter.Found.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            lock (_lock)
                _waiters.Remove(waiter);
        }
    }

    /// <inheritdoc/>
    public ValueTask<bool> DeleteAsync(string key, CancellationToken cancellationToken = default)
    {
        Check(key, cancellationToken);
        return ValueTask.FromResult(Delete(key));
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<StoreEntry>> ListAsync(string prefix, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        CheckOpen(cancellationToken);
        return ValueTask.FromResult<IReadOnlyList<StoreEntry>>(List(prefix));
    }

    /// <inheritdoc/>
    public ValueTask<IStoreLease> LeaseAsync(TimeSpan timeToLive, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult<IStoreLease>(Lease(timeToLive));
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<StoreChange> WatchAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        CheckOpen(cancellationToken);
        var watcher = new StoreWatcher(prefix);
        lock (_lock)
        {
            foreach (var entry in Under(prefix))
                watcher.Show(new StoreChange(entry.Key, entry));
            _watchers.Add(watcher);
        }

        try
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _disposed.Token);
            while (true)
            {
                try
                {
                    await watcher.WaitAsync(either.Token).ConfigureAwait(false);
                }
                catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
                {
                    throw Ended();
                }

                while (Take(watcher) is { } change)
                {
                    yield return change;
                    CheckOpen(cancellationToken);
                }
            }
        }
        finally
        {
            lock (_lock)
                _watchers.Remove(watcher);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        InMemoryLease[] leases;
        lock (_lock)
        {
            leases = [.. _leases];
            _leases.Clear();
            _entries.Clear();
            _isDisposed = true;
            foreach (var waiter in _waiters)
                waiter.Fail(Ended());
        }

        await _disposed.CancelAsync().ConfigureAwait(false);
        foreach (var lease in leases)
            await lease.CloseAsync().ConfigureAwait(false);
    }

    private StoreChange? Take(StoreWatcher watcher)
    {
        lock (_lock)
            return watcher.Take();
    }

    private StoreEntry? Find(ReadOnlySpan<char> key) => _byName.TryGetValue(key, out var present) ? present.Entry : null;

    /// <summary>The key as a string: the one that is there already, or a new one.</summary>
    private string NameOf(ReadOnlySpan<char> key) => _byName.TryGetValue(key, out var name, out _) ? name : key.ToString();

    private IEnumerable<StoreEntry> Under(string prefix) =>
        _entries.Values.Select(value => value.Entry).Where(entry => entry.Key.StartsWith(prefix, StringComparison.Ordinal)).OrderBy(entry => entry.Key, StringComparer.Ordinal);

    private StoreEntry Put(string key, byte[] value, InMemoryLease? lease)
    {
        if (_isDisposed)
            throw Ended();
        var bytes = _bytes + SizeOf(key, value.Length) - (_entries.TryGetValue(key, out var present) ? SizeOf(key, present.Entry.Value.Length) : 0);
        if (bytes > MaxBytes && bytes > _bytes)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"The store is full: '{key}' with {value.Length} bytes would make it {bytes} bytes, it may have {MaxBytes}. Delete what nobody needs.");
        var entry = new StoreEntry(key, value, ++_version);
        _bytes = bytes;
        _entries[key] = (entry, lease);
        Journal?.Put(entry, lease?.Number ?? 0);
        Show(new StoreChange(key, entry));
        foreach (var waiter in _waiters)
        {
            if (waiter.IsEndedBy(entry))
                waiter.End(entry);
        }

        return entry;
    }

    private bool Remove(string key)
    {
        if (!_entries.Remove(key, out var removed))
            return false;
        _bytes -= SizeOf(key, removed.Entry.Value.Length);
        _version++;
        Journal?.Delete(key, _version);
        Show(new StoreChange(key, null));
        return true;
    }

    private static long SizeOf(string key, int value) => EntryBytes + (sizeof(char) * (long)key.Length) + value;

    private void Show(StoreChange change)
    {
        foreach (var watcher in _watchers)
        {
            if (change.Key.StartsWith(watcher.Prefix, StringComparison.Ordinal))
                watcher.Show(change);
        }
    }

    private InMemoryLease? Own(IStoreLease? lease) => lease switch
    {
        null => null,
        InMemoryLease own when own.Store == this && !_leases.Contains(own) => throw new ElasticEpException(ElasticEpErrorCode.StoreUnavailable, "The lease has ended; take a new one."),
        InMemoryLease own when own.Store == this => own,
        _ => throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, "The lease belongs to another store."),
    };

    private void Check(string key, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(key);
        Check(key.AsSpan());
        CheckOpen(cancellationToken);
    }

    private void Check(ReadOnlySpan<char> key)
    {
        if (key.Length is 0 or > MaxKeyLength)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"A key has 1 to {MaxKeyLength} characters, this one has {key.Length}.");
        if (_isDisposed)
            throw Ended();
        Journal?.ThrowIfFailed();
    }

    private void CheckOpen(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (_isDisposed)
            throw Ended();
        Journal?.ThrowIfFailed();
    }

    private static ElasticEpException Ended() => new(ElasticEpErrorCode.StoreUnavailable, "The in-memory store was disposed.");
}
