using ElasticEp.Events;

namespace ElasticEp.Runtime;

/// <summary>
/// Serialises the events of one rank. Whoever posts to an idle mailbox drains it on its own thread, so that an event costs no
/// thread switch; others only enqueue. The handler runs without any lock held.
/// </summary>
internal sealed class Mailbox(Action<RankEvent> handle)
{
    private readonly Lock _lock = new();
    private readonly Queue<RankEvent> _queue = new(64);
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _isDraining;
    private bool _isClosed;

    public void Post(in RankEvent e)
    {
        lock (_lock)
        {
            if (_isClosed)
                return;
            _queue.Enqueue(e);
            if (_isDraining)
                return;
            _isDraining = true;
        }

        Drain();
    }

    /// <summary>Takes no more events; completes when the one that is being handled is done.</summary>
    public Task CloseAsync()
    {
        lock (_lock)
        {
            _isClosed = true;
            _queue.Clear();
            if (!_isDraining)
                _closed.TrySetResult();
        }

        return _closed.Task;
    }

    private void Drain()
    {
        while (true)
        {
            RankEvent next;
            lock (_lock)
            {
                if (!_queue.TryDequeue(out next))
                {
                    _isDraining = false;
                    if (_isClosed)
                        _closed.TrySetResult();
                    return;
                }
            }

            handle(next);
        }
    }
}
