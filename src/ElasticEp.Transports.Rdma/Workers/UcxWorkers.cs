namespace ElasticEp.Transports.Rdma.Workers;

/// <summary>
/// The threads of a transport and their workers, which links are given in turn. Each thread has a worker that links share, and those that
/// belong to one connection. What has failed is replaced when its turn comes.
/// </summary>
internal sealed class UcxWorkers : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly Func<int, UcxThread> _createThread;
    private readonly Func<UcxThread, UcxWorker> _createWorker;
    private readonly UcxThread[] _threads;
    private readonly UcxWorker[] _shared;
    private readonly List<UcxThread> _allThreads;
    private int _turn;

    /// <param name="count">Threads at a time.</param>
    /// <param name="createThread">Makes the thread of a place.</param>
    /// <param name="createWorker">Makes a worker of a thread.</param>
    public UcxWorkers(int count, Func<int, UcxThread> createThread, Func<UcxThread, UcxWorker> createWorker)
    {
        _createThread = createThread;
        _createWorker = createWorker;
        _threads = [.. Enumerable.Range(0, count).Select(createThread)];
        _shared = [.. _threads.Select(createWorker)];
        _allThreads = [.. _threads];
    }

    /// <summary>Completes when all those of the beginning can be used.</summary>
    public Task Started => Task.WhenAll(_shared.Select(worker => worker.Started));

    /// <summary>For tests.</summary>
    public IReadOnlyList<UcxWorker> Shared => _shared;

    /// <summary>The worker whose turn it is, or the next one when that cannot be used.</summary>
    /// <param name="isApart">Whether it is to belong to one connection, which ends it.</param>
    /// <param name="cancellationToken">Ends the wait for its thread, which a handler may hold up.</param>
    /// <exception cref="ElasticEpException">None can be used.</exception>
    public async Task<UcxWorker> NextAsync(bool isApart, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            var worker = Next(isApart);
            try
            {
                await worker.Started.WaitAsync(cancellationToken).ConfigureAwait(false);
                return worker;
            }
            catch (OperationCanceledException) when (isApart)
            {
                _ = worker.EndAsync(); // as soon as its thread comes to it: nobody else will
                throw;
            }
            catch (ElasticEpException) when (attempt < _threads.Length)
            {
                // a new one that did not come up: its place is tried again when its turn comes again
            }
        }
    }

    /// <summary>Ends all of them, those that have failed too: until then they serve what their links have to end.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var thread in _allThreads)
            await thread.DisposeAsync().ConfigureAwait(false);
    }

    private UcxWorker Next(bool isApart)
    {
        lock (_lock)
        {
            _turn = (_turn + 1) % _threads.Length;
            if (_threads[_turn].HasFailed)
                _allThreads.Add(_threads[_turn] = _createThread(_turn));
            if (isApart)
                return _createWorker(_threads[_turn]);
            if (_shared[_turn].HasFailed)
                _shared[_turn] = _createWorker(_threads[_turn]);
            return _shared[_turn];
        }
    }
}
