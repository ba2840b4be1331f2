using ElasticEp.Transport;
using ElasticEp.Transports.Rdma.Wire;

namespace ElasticEp.Transports.Rdma.Links;

/// <summary>
/// The sending half of a link. Frames go in the order of the calls, as far as the receiver has room. A small one is copied, and its call
/// returns at once; the call of a large one returns when the receiver has fetched it.
/// </summary>
internal sealed partial class LinkSender
{
    private readonly RdmaLink _link;
    private readonly ILinkOwner _owner;
    private readonly SendWaiterPool _waiters;
    private readonly SendWindow _window;
    private readonly Lock _lock = new();
    private readonly Stack<OutgoingTransfer> _transfers = [];
    private readonly List<OutgoingTransfer> _allTransfers = [];
    private readonly Queue<MessageHeader> _clearances = []; // the worker's thread only, as the next three
    private readonly List<SendWaiter> _launched = [];
    private long _credit;
    private long _credited;
    private int _eagerLimit;
    private bool _isClosed;
    private bool _isFreed;

    public LinkSender(RdmaLink link, ILinkOwner owner)
    {
        _link = link;
        _owner = owner;
        _waiters = new SendWaiterPool(TryDetach);
        _window = new SendWindow(link);
    }

    /// <summary>On the worker's thread: the other end's limits are known.</summary>
    public void Open(LinkLimits limits)
    {
        lock (_lock)
        {
            _window.Open(limits.Window);
            _eagerLimit = limits.EagerLimit;
        }
    }

    public ValueTask SendAsync(in OutgoingFrame frame, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled(cancellationToken);
        OutgoingTransfer transfer;
        lock (_lock)
        {
            if (_isClosed)
                return ValueTask.FromException(_owner.Lost());
            transfer = Take();
        }

        try
        {
            transfer.Begin(frame, _eagerLimit); // copies, so not under the lock
        }
        catch (Exception exception)
        {
            lock (_lock)
                Recycle(transfer);
            return ValueTask.FromException(exception);
        }

        lock (_lock)
        {
            if (_isClosed)
            {
                Recycle(transfer);
                return ValueTask.FromException(_owner.Lost());
            }

            return Enter(transfer, cancellationToken);
        }
    }

    /// <summary>From any thread: no frame begins any more, and callers whose memory UCX does not know get it back.</summary>
    public void Close()
    {
        List<SendWaiter> waiting;
        lock (_lock)
        {
            _isClosed = true;
            _window.Clear(); // what the receiver says about them comes too late
            waiting = TakeCalls(TransferState.Queued, TransferState.Announced);
        }

        EndCalls(waiting);
    }

    /// <summary>
    /// Callers whose memory UCX has not let go of get it back too. UCX reads it no longer, since its endpoint is closed; a peer that runs on
    /// may, and finds what is there by then.
    /// </summary>
    public void Abandon()
    {
        List<SendWaiter> waiting;
        lock (_lock)
            waiting = TakeCalls(TransferState.Fetched);
        EndCalls(waiting);
    }

    /// <summary>In the middle of UCX's progress: the receiver has named the memory for the rest of a frame.</summary>
    public void OnClear(in MessageHeader header)
    {
        _clearances.Enqueue(header);
        _link.MarkReady();
    }

    /// <summary>In the middle of UCX's progress: the receiver has taken so many frames.</summary>
    public void OnCredit(long taken)
    {
        _credit = Math.Max(_credit, taken); // a later one may have overtaken it
        _link.MarkReady();
    }

    public void Pump()
    {
        if (_link.IsOver)
            return;
        while (_clearances.TryDequeue(out var clearance))
            Clear(clearance);
        if (_credit > _credited)
            Launch();
    }

    /// <summary>UCX is done with a frame: its call returns.</summary>
    public void End(OutgoingTransfer transfer, bool hasFailed)
    {
        SendWaiter? waiter;
        lock (_lock)
        {
            waiter = transfer.Waiter;
            transfer.Waiter = null;
            if (!hasFailed)
                Recycle(transfer);
        }

        waiter?.Complete(hasFailed ? _owner.Lost() : null);
    }

    /// <summary>The link is closed, and UCX at work on nothing. Who is copying at the moment frees that afterwards.</summary>
    public void Free()
    {
        lock (_lock)
        {
            _isFreed = true;
            foreach (var transfer in _allTransfers)
            {
                if (transfer.State is not (TransferState.Filled or TransferState.Copying))
                    transfer.Dispose();
            }
        }
    }

    private ValueTask Enter(OutgoingTransfer transfer, CancellationToken cancellationToken)
    {
        var isFree = _window.IsFree;
        var mustWait = !isFree || !transfer.IsWhole;
        if (isFree)
            _window.Announce(transfer);
        else
            _window.Queue(transfer);
        if (mustWait)
            transfer.Waiter = _waiters.Take();
        var waiting = mustWait ? transfer.Waiter!.Begin(cancellationToken) : default;
        if (isFree)
            _link.Worker.Post(transfer);
        return waiting;
    }

    /// <summary>As many as the receiver has room for now; the calls of those that are copied return.</summary>
    private void Launch()
    {
        lock (_lock)
        {
            _window.Credit(_credit);
            _credited = _credit;
            while (_window.TryNext(out var transfer))
            {
                if (transfer.IsWhole)
                {
                    _launched.Add(transfer.Waiter!);
                    transfer.Waiter = null;
                }

                _link.Worker.Post(transfer);
            }
        }

        foreach (var waiter in _launched)
            waiter.Complete(null);
        _launched.Clear();
    }

    private void Clear(in MessageHeader clearance)
    {
        OutgoingTransfer transfer;
        lock (_lock)
        {
            if (_isClosed)
                return; // its caller has the memory back
            transfer = _window.TakeCleared(clearance.Sequence);
            if (!transfer.IsAnnounced)
                throw _link.Violation($"frame {clearance.Sequence} is cleared, and is not sent yet");
            if (transfer.State == TransferState.Copying)
            {
                transfer.IsDiscarded = clearance.IsDiscarded;
                return; // whoever copies it goes on
            }

            transfer.State = TransferState.Fetched;
        }

        transfer.SendRest(clearance.IsDiscarded);
    }

    private List<SendWaiter> TakeCalls(params ReadOnlySpan<TransferState> states)
    {
        List<SendWaiter> waiting = [];
        foreach (var transfer in _allTransfers)
        {
            if (!states.Contains(transfer.State) || transfer.Waiter is not { } waiter)
                continue;
            transfer.Waiter = null;
            waiting.Add(waiter);
        }

        return waiting;
    }

    private void EndCalls(List<SendWaiter> waiting)
    {
        foreach (var waiter in waiting)
            waiter.Complete(_owner.Lost());
    }

    private OutgoingTransfer Take()
    {
        if (!_transfers.TryPop(out var transfer))
        {
            transfer = new OutgoingTransfer(_link, this);
            _allTransfers.Add(transfer);
        }

        transfer.State = TransferState.Filled;
        return transfer;
    }

    private void Recycle(OutgoingTransfer transfer)
    {
        transfer.Waiter = null;
        transfer.State = TransferState.Idle;
        if (_isFreed)
            transfer.Dispose();
        else
            _transfers.Push(transfer);
    }
}
