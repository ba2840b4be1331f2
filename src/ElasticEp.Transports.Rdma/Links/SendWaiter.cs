using System.Threading.Tasks.Sources;

namespace ElasticEp.Transports.Rdma.Links;

/// <summary>What a sender awaits whose frame cannot go at once. Pooled by its link: taken to wait, given back by the await.</summary>
internal sealed class SendWaiter(LinkSender sender) : IValueTaskSource
{
    private ManualResetValueTaskSourceCore<bool> _core = new() { RunContinuationsAsynchronously = true };
    private CancellationTokenRegistration _registration;
    private CancellationToken _cancellationToken;
    private OutgoingTransfer? _transfer;

    /// <summary>Under the sender's lock, which a cancellation needs too; the transfer is queued or announced already.</summary>
    public ValueTask Begin(OutgoingTransfer transfer, CancellationToken cancellationToken)
    {
        (_transfer, _cancellationToken) = (transfer, cancellationToken);
        var task = new ValueTask(this, _core.Version);
        _registration = cancellationToken.UnsafeRegister(static state => ((SendWaiter)state!).Cancel(), this);
        return task;
    }

    /// <summary>Not under the sender's lock.</summary>
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
            sender.Return(this);
        }
    }

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    private void Cancel()
    {
        if (sender.TryDetach(this, _transfer!))
            _core.SetException(new OperationCanceledException(_cancellationToken));
    }
}
