using ElasticEp.Membership;

namespace ElasticEp.Runtime;

/// <summary>
/// Serialises the events of one rank. Whoever posts to an idle mailbox drains it on its own thread, so that an event costs no
/// thread switch; others only enqueue. The handler runs without any lock held.
/// </summary>
internal sealed class Mailbox(Action<RankEvent> handle)
{
    private readonly Lock _lock = new();
    private readonly Queue<RankEvent> _queue = new(64);
    private bool _isDraining;

    public void Post(in RankEvent e)
    {
        lock (_lock)
        {
            _queue.Enqueue(e);
            if (_isDraining)
                return;
            _isDraining = true;
        }

        Drain();
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
                    return;
                }
            }

            handle(next);
        }
    }
}
