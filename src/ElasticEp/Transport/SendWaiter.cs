using System.Threading.Tasks.Sources;

namespace ElasticEp.Transport;

/// <summary>What a sender awaits whose frame cannot go at once. Taken from its link's pool to wait, given back by the await.</summary>
internal sealed class SendWaiter(SendWaiterPool pool) : IValueTaskSource
{
    private ManualResetValueTaskSourceCore<bool> _core = new() { RunContinuationsAsynchronously = true };
    private CancellationTokenRegistration _registration;
    private CancellationToken _cancellationToken;

    /// <summary>Under the link's lock, which a cancellation needs too; the frame that it waits for knows it already.</summary>
    public ValueTask Begin(CancellationToken cancellationToken)
    {
        _cancellationToken = cancellationToken;
        var task = new ValueTask(this, _core.Version);
        _registration = cancellationToken.UnsafeRegister(static state => ((SendWaiter)state!).Cancel(), this);
        return task;
    }

    /// <summary>Not under the link's lock.</summary>
    public void Complete(Exception? failure)
    {
        _registration.Dispose(); // waits for a cancellation that has begun: it must not meet the next use of this object
        if (failure is null)
            _core.SetResult(true);
        else
            _core.SetException(failure);
    }

    public void GetResult(short token)
    {
        try
        {
            _core.GetResult(token);
        }
        finally
        {
            _core.Reset();
            pool.Return(this);
        }
    }

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    private void Cancel()
    {
        if (pool.TryDetach(this))
            _core.SetException(new OperationCanceledException(_cancellationToken));
    }
}
