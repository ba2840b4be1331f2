using System.Runtime.CompilerServices;
using System.Threading.Tasks.Sources;
using ElasticEp.Transport;

namespace ElasticEp.Transports.Tcp.Transport;

/// <summary>
/// The writing half of a link. A frame that fits into the socket is written on the caller's thread; otherwise a loop writes the
/// rest as there is room, and the caller waits or, when it is cancelled, leaves a copy of the rest behind: never half a frame. A rest that
/// is too long for that ends the connection.
/// </summary>
internal sealed class LinkSender : IValueTaskSource
{
    private readonly ILinkWire _wire;
    private readonly Func<Exception?, Exception> _lost;
    private readonly Action<Exception> _broken;
    private readonly SendLock _sending = new();
    private readonly FrameCursor _frame = new();
    private readonly byte[] _stage;
    private readonly Lock _lock = new();
    private readonly SendWaiterPool _waiters;
    private ManualResetValueTaskSourceCore<bool> _wake = new() { RunContinuationsAsynchronously = true };
    private SendWaiter? _pending;
    private bool _isClosed;
    private bool _isBroken; // half a frame is out, and the rest will never follow: the send lock stays taken for good

    /// <param name="wire">The link's bytes.</param>
    /// <param name="lost">Makes the error that a sender gets when the connection is over.</param>
    /// <param name="broken">Told once when writing fails.</param>
    public LinkSender(ILinkWire wire, Func<Exception?, Exception> lost, Action<Exception> broken)
    {
        _wire = wire;
        _lost = lost;
        _broken = broken;
        _waiters = new SendWaiterPool(TryDetach);
        _stage = GC.AllocateUninitializedArray<byte>(wire.StageSize, pinned: true);
        _ = WriteRestsAsync();
    }

    public ValueTask SendAsync(in OutgoingFrame frame, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled(cancellationToken);
        return _sending.TryTake() ? SendNow(frame, cancellationToken) : SendLaterAsync(frame, cancellationToken);
    }

    /// <summary>No frame begins any more, and callers that wait get their memory back with the error of a lost connection.</summary>
    /// <param name="isFollowed">Whether something else is to be sent: then a frame that is half out is finished, if its rest is not too long to be copied.</param>
    /// <returns>Completes when no frame is half written; it may never.</returns>
    public Task CloseAsync(bool isFollowed)
    {
        var between = _sending.CloseAsync(() => _lost(null));
        SendWaiter? pending;
        lock (_lock)
        {
            _isClosed = true;
            pending = TakePending();
            if (pending is not null)
                LetGo(mayFinish: isFollowed);
        }

        pending?.Complete(_lost(null));
        return between;
    }

    /// <summary>Frames wait until <see cref="Release"/>; on a new link only.</summary>
    public void Hold() => _sending.TryTake();

    /// <summary>The other half of <see cref="Hold"/>.</summary>
    public void Release() => _sending.Release();

    /// <summary>Bytes that are no frame, while the link is held, or after its end when no frame is half written.</summary>
    public ValueTask SendRawAsync(ReadOnlyMemory<byte> bytes) => _wire.SendAsync(bytes);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask SendLaterAsync(OutgoingFrame frame, CancellationToken cancellationToken)
    {
        await _sending.TakeAsync(cancellationToken).ConfigureAwait(false);
        await SendNow(frame, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The send lock is ours.</summary>
    private ValueTask SendNow(in OutgoingFrame frame, CancellationToken cancellationToken)
    {
        ValueTask waiting;
        lock (_lock)
        {
            try
            {
                _frame.Begin(frame);
                while (_frame.Left > 0 && _wire.TrySend(_frame) > 0)
                {
                }
            }
            catch (Exception exception)
            {
                return ValueTask.FromException(Break(exception));
            }

            if (_frame.Left == 0)
            {
                EndFrame();
                return default;
            }

            if (_isClosed)
                return ValueTask.FromException(Break(null));
            _pending = _waiters.Take();
            waiting = _pending.Begin(cancellationToken);
        }

        _wake.SetResult(true);
        return waiting;
    }

    private async Task WriteRestsAsync()
    {
        while (true)
        {
            await new ValueTask(this, _wake.Version).ConfigureAwait(false);
            SendWaiter? pending;
            Exception? failure = null;
            bool isOver;
            try
            {
                await WriteRestAsync().ConfigureAwait(false);
            }
            catch (Exception exception)
            {
                failure = exception;
            }

            _wake.Reset();
            lock (_lock)
            {
                pending = TakePending();
                if (failure is not null)
                    failure = Break(failure);
                else if (!_isBroken)
                    EndFrame();
                isOver = _isBroken;
            }

            pending?.Complete(failure);
            if (isOver)
                return;
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask WriteRestAsync()
    {
        while (true)
        {
            int staged;
            lock (_lock)
            {
                while (_frame.Left > 0 && _wire.TrySend(_frame) > 0)
                {
                }

                if (_frame.Left == 0)
                    return;
                staged = _frame.Take(_stage);
            }

            await _wire.SendAsync(_stage.AsMemory(0, staged)).ConfigureAwait(false);
        }
    }

    /// <summary>The caller does not wait any more, and gets its memory back.</summary>
    private bool TryDetach(SendWaiter pending)
    {
        lock (_lock)
        {
            if (_pending != pending)
                return false;
            _pending = null;
            var left = _frame.Left;
            LetGo(mayFinish: true);
            if (_isBroken)
                _broken(new IOException(PayloadCopy.TooLong(left)));
            return true;
        }
    }

    private SendWaiter? TakePending()
    {
        var pending = _pending;
        _pending = null;
        return pending;
    }

    /// <summary>The frame's sender wants its memory back: the loop goes on with a copy of what is left, or not at all.</summary>
    private void LetGo(bool mayFinish)
    {
        if (mayFinish && _frame.Left <= PayloadCopy.MostBytes)
        {
            _frame.Detach();
            return;
        }

        _isBroken = true;
        _frame.Clear();
    }

    private void EndFrame()
    {
        _frame.Clear();
        _sending.Release();
    }

    private Exception Break(Exception? cause)
    {
        _isBroken = true;
        _frame.Clear();
        if (cause is not null)
            _broken(cause);
        return _lost(cause);
    }

    void IValueTaskSource.GetResult(short token) => _wake.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _wake.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _wake.OnCompleted(continuation, state, token, flags);
}
