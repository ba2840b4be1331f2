namespace ElasticEp.Transport;

/// <summary>The waiters of a link's sender.</summary>
/// <param name="tryDetach">
/// Called when a wait is cancelled: takes the frame's memory away from the link. Says whether the waiter is to be told of its cancellation;
/// otherwise its frame has ended, or is about to, and it is told how.
/// </param>
internal sealed class SendWaiterPool(Func<SendWaiter, bool> tryDetach)
{
    private readonly Lock _lock = new();
    private readonly Stack<SendWaiter> _idle = [];

    public SendWaiter Take()
    {
        lock (_lock)
            return _idle.TryPop(out var waiter) ? waiter : new SendWaiter(this);
    }

    public void Return(SendWaiter waiter)
    {
        lock (_lock)
            _idle.Push(waiter);
    }

    public bool TryDetach(SendWaiter waiter) => tryDetach(waiter);
}
