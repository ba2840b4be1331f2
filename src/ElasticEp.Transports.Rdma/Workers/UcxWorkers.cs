namespace ElasticEp.Transports.Rdma.Workers;

/// <summary>The workers of a transport, to which links are given in turn. One that has failed is replaced when its turn comes.</summary>
internal sealed class UcxWorkers : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly Func<int, UcxWorker> _create;
    private readonly UcxWorker[] _inUse;
    private readonly List<UcxWorker> _all;
    private int _turn;

    /// <param name="count">How many are in use at a time.</param>
    /// <param name="create">Makes the worker of a place.</param>
    public UcxWorkers(int count, Func<int, UcxWorker> create)
    {
        _create = create;
        _inUse = [.. Enumerable.Range(0, count).Select(create)];
        _all = [.. _inUse];
    }

    /// <summary>Completes when all those of the beginning can be used.</summary>
    public Task Started => Task.WhenAll(_inUse.Select(worker => worker.Started));

    /// <summary>For tests.</summary>
    public IReadOnlyList<UcxWorker> InUse => _inUse;

    /// <summary>The worker whose turn it is, or the next one when that cannot be used.</summary>
    /// <exception cref="ElasticEpException">None can be used.</exception>
    public async Task<UcxWorker> NextAsync()
    {
        for (var attempt = 1; ; attempt++)
        {
            var worker = Next();
            try
            {
                await worker.Started.ConfigureAwait(false);
                return worker;
            }
            catch (ElasticEpException) when (attempt < _inUse.Length)
            {
                // a new one that did not come up: its place is tried again when its turn comes again
            }
        }
    }

    /// <summary>Ends all of them, those that have failed too: until then they serve what their links have to end.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var worker in _all)
            await worker.DisposeAsync().ConfigureAwait(false);
    }

    private UcxWorker Next()
    {
        lock (_lock)
        {
            _turn = (_turn + 1) % _inUse.Length;
            if (_inUse[_turn].HasFailed)
                _all.Add(_inUse[_turn] = _create(_turn));
            return _inUse[_turn];
        }
    }
}
