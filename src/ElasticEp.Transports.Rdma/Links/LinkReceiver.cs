using System.Runtime.CompilerServices;
using ElasticEp.Transport;
using ElasticEp.Transports.Rdma.Native;
using ElasticEp.Transports.Rdma.Wire;
using ElasticEp.Transports.Rdma.Workers;

namespace ElasticEp.Transports.Rdma.Links;

/// <summary>
/// The receiving half of a link: one frame after another, in the order of their numbers. The handler names the memory of a frame; what came
/// with its head is copied there, and the rest is fetched into it. Frames that come meanwhile wait; there are no more of them than the link's
/// window. Everything runs on the worker's thread, but for weights: who gets them looks through them, which would hold up what else the worker does.
/// </summary>
internal sealed unsafe class LinkReceiver : IWorkerItem, IThreadPoolWorkItem, IOperationOwner
{
    private readonly RdmaLink _link;
    private readonly ILinkOwner _owner;
    private readonly ReceiveWindow _window;
    private readonly Action _onAnswered;
    private ConfiguredValueTaskAwaitable<FrameTarget>.ConfiguredValueTaskAwaiter _answer;
    private ReceiverState _state = ReceiverState.Closed;
    private FrameInfo _frame;
    private FrameTarget _target;
    private long _next; // the frame that is being received, or comes next
    private long _credited;
    private long _remaining; // of the frame: did not come with its head
    private long _left; // of that: is not being fetched yet
    private int _pieces; // under way
    private bool _hasFailed;
    private Exception? _fault; // of the handler, about a complete frame

    public LinkReceiver(RdmaLink link, ILinkOwner owner, LinkLimits limits)
    {
        _link = link;
        _owner = owner;
        _window = new ReceiveWindow(link, limits);
        _onAnswered = () => _link.Worker.Post(this);
    }

    /// <summary>UCX is at work on the memory of a frame.</summary>
    public bool IsWritten => _pieces > 0;

    /// <summary>The handler knows of the connection: frames may be delivered.</summary>
    public void Begin()
    {
        _state = ReceiverState.Idle;
        _link.MarkReady();
    }

    /// <summary>In the middle of UCX's progress.</summary>
    public UcxStatus OnFrame(in MessageHeader header, in ReceivedMessage message)
    {
        var status = _window.Keep(header, message, _next);
        if (header.Sequence == _next)
            _link.MarkReady();
        return status;
    }

    /// <summary>In the middle of UCX's progress: the sender has been told to send it, so there is memory for it.</summary>
    public UcxStatus OnPiece(in MessageHeader header, in ReceivedMessage message)
    {
        var (position, length) = (header.Position, message.Length);
        var isExpected = _state == ReceiverState.Fetching && header.Sequence == _next && message.IsRendezvous && length > 0
            && position >= _frame.PayloadLength - _remaining && length <= _left && position <= _frame.PayloadLength - length // cannot wrap
            && (position >= _frame.MetadataLength || position <= _frame.MetadataLength - length);
        if (!isExpected)
            throw _link.Violation($"{length} bytes of frame {header.Sequence} come unasked, from {position} on");
        var target = position < _frame.MetadataLength
            ? _target.Metadata.SliceBytes(position, length)
            : _target.Rows.SliceBytes(position - _frame.MetadataLength, length);
        var operation = _link.BeginOperation(this, target);
        _left -= length;
        _pieces++;
        _link.Worker.Receive(operation, message.Data, length);
        return UcxStatus.InProgress;
    }

    public void OnCompleted(UcxOperation operation, UcxStatus status)
    {
        _pieces--;
        if (status != UcxStatus.Ok)
        {
            _hasFailed = true;
            _link.OnSent(status);
        }

        _link.EndOperation();
        if (_pieces == 0)
            _link.MarkReady();
    }

    /// <summary>The handler has answered, or knows that a frame is complete.</summary>
    public void Run()
    {
        try
        {
            if (_state == ReceiverState.Asking)
                Answer();
            else if (_fault is { } fault)
                Refuse(fault);
            else
                Take();
            Pump();
        }
        catch (Exception exception)
        {
            _link.OnFault(exception);
        }

        if (_link.IsClosing)
            _link.MarkReady();
    }

    public void Pump()
    {
        if (_state == ReceiverState.Fetching && _pieces == 0 && (_left == 0 || _link.IsOver))
            Complete();
        while (_state == ReceiverState.Idle && !_link.IsOver && _window[_next].IsHere)
            Ask();
    }

    /// <summary>On a thread of the pool: the weights are complete.</summary>
    public void Execute()
    {
        try
        {
            _owner.Handler.OnFrameCompleted(_owner.Remote, _link.Kind, _frame, _target);
        }
        catch (Exception exception)
        {
            _fault = exception;
        }

        _link.Worker.Post(this);
    }

    /// <summary>Whether nobody is being asked and no memory of the handler's is in use.</summary>
    public bool TryEnd()
    {
        if (_state is not (ReceiverState.Closed or ReceiverState.Idle))
            return false;
        _state = ReceiverState.Closed;
        return true;
    }

    /// <summary>The link is over: what has come with heads is not looked at any more.</summary>
    public void Forget() => _window.ReleaseAll();

    private void Ask()
    {
        _state = ReceiverState.Asking;
        ref var frame = ref _window[_next];
        _frame = frame.Info;
        _left = _remaining = _frame.PayloadLength - frame.Length;
        try
        {
            _answer = _owner.Handler.OnFrameAsync(_owner.Remote, _link.Kind, _frame, _owner.Closed).ConfigureAwait(false).GetAwaiter();
        }
        catch (Exception exception)
        {
            Refuse(exception);
            return;
        }

        if (_answer.IsCompleted)
            Answer();
        else
            _answer.UnsafeOnCompleted(_onAnswered);
    }

    private void Answer()
    {
        try
        {
            _target = _answer.GetResult();
        }
        catch (Exception exception)
        {
            Refuse(exception);
            return;
        }

        _answer = default;
        if (!_target.IsWanted)
        {
            if (_remaining > 0)
                _link.Send(MessageKind.Clear, _next, isDiscarded: true);
            Take();
            return;
        }

        _hasFailed = true; // until what came with the head is in place
        _state = ReceiverState.Fetching;
        if (!_link.IsOver && _frame.FindFault(_owner.Transport, _target) is { } fault)
            _link.Fail(DisconnectReason.Reset, $"the receiver {fault}");
        if (_link.IsOver)
        {
            Complete();
            return;
        }

        CopyEager();
        _hasFailed = false;
        if (_remaining == 0)
            Complete();
        else
            _link.Send(MessageKind.Clear, _next);
    }

    private void CopyEager()
    {
        ref var frame = ref _window[_next];
        if (frame.Length == 0)
            return;
        new ReadOnlySpan<byte>(frame.Data, _frame.MetadataLength).CopyTo(_target.Metadata.AsSpan<byte>());
        if (frame.Length > _frame.MetadataLength)
            new ReadOnlySpan<byte>(frame.Data + _frame.MetadataLength, (int)_frame.RowsLength).CopyTo(_target.Rows.AsSpan<byte>());
        _window.ReleaseData(_next);
    }

    /// <summary>The memory is not touched any more: tells the handler, and goes on with the next frame.</summary>
    private void Complete()
    {
        if (_hasFailed || _left > 0 || _link.IsOver)
        {
            Abort();
            return;
        }

        if (_link.Kind == LinkKind.Weights)
        {
            _state = ReceiverState.Completing;
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
            return;
        }

        try
        {
            _owner.Handler.OnFrameCompleted(_owner.Remote, _link.Kind, _frame, _target);
        }
        catch (Exception exception)
        {
            Refuse(exception);
            return;
        }

        Take();
    }

    /// <summary>The frame is done with.</summary>
    private void Take()
    {
        _window.Release(_next);
        _target = default;
        _next++;
        _state = ReceiverState.Idle;
        if (_next - _credited < _window.Unreported)
            return;
        _credited = _next;
        _link.Send(MessageKind.Credit, _next);
    }

    /// <summary>The handler wants no frame of this peer any more.</summary>
    private void Refuse(Exception exception)
    {
        _answer = default;
        _state = ReceiverState.Closed;
        if (!_link.IsClosing)
            _link.OnFault(exception);
    }

    private void Abort()
    {
        _state = ReceiverState.Closed;
        try
        {
            _owner.Handler.OnFrameAborted(_owner.Remote, _link.Kind, _frame, _target);
        }
        catch (Exception exception)
        {
            _link.Worker.OnFault(exception); // the connection ends anyway
        }
    }
}
