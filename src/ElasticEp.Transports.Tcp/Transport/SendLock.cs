namespace ElasticEp.Transports.Tcp.Transport;

/// <summary>Who may write to a link: one at a time, in the order of the calls.</summary>
internal sealed class SendLock
{
    private readonly Lock _lock = new();
    private readonly Queue<TaskCompletionSource> _waiting = [];
    private readonly TaskCompletionSource _free = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Func<Exception>? _closed;
    private bool _isTaken;

    /// <summary>Takes the lock if nobody has it.</summary>
    public bool TryTake()
    {
        lock (_lock)
        {
            if (_isTaken || _closed is not null)
                return false;
            _isTaken = true;
            return true;
        }
    }

    /// <summary>Waits for the lock.</summary>
    /// <exception cref="OperationCanceledException">Cancelled; the lock is not taken.</exception>
    public async ValueTask TakeAsync(CancellationToken cancellationToken)
    {
        TaskCompletionSource waiter;
        lock (_lock)
        {
            if (_closed is not null)
                throw _closed();
            if (!_isTaken)
            {
                _isTaken = true;
                return;
            }

            _waiting.Enqueue(waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        try
        {
            await waiter.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            if (!waiter.TrySetCanceled(cancellationToken) && waiter.Task.IsCompletedSuccessfully)
                Release(); // it came at the same moment
            throw;
        }
    }

    public void Release()
    {
        lock (_lock)
        {
            while (_waiting.TryDequeue(out var next))
            {
                if (next.TrySetResult())
                    return;
            }

            _isTaken = false;
            if (_closed is not null)
                _free.TrySetResult();
        }
    }

    /// <summary>Nobody gets the lock any more. The task completes when who has it, if anybody, gives it back.</summary>
    public Task CloseAsync(Func<Exception> reason)
    {
        lock (_lock)
        {
            _closed ??= reason;
            while (_waiting.TryDequeue(out var waiter))
                waiter.TrySetException(_closed());
            if (!_isTaken)
                _free.TrySetResult();
        }

        return _free.Task;
    }
}
