using ElasticEp.Transport;
using ElasticEp.Transports.Rdma.Wire;

namespace ElasticEp.Transports.Rdma.Links;

/// <summary>
/// The sending half of a link. Frames go in the order of the calls, as far as the receiver has room. A small one is copied, and its call
/// returns at once; the call of a large one returns when the receiver has fetched it.
/// </summary>
internal sealed class LinkSender(RdmaLink link, ILinkOwner owner)
{
    private readonly Lock _lock = new();
    private readonly LinkedList<OutgoingTransfer> _queue = [];
    private readonly Stack<OutgoingTransfer> _transfers = [];
    private readonly List<OutgoingTransfer> _allTransfers = [];
    private readonly Stack<SendWaiter> _waiters = [];
    private readonly Queue<MessageHeader> _clearances = []; // the worker's thread only, as the next two
    private readonly List<SendWaiter> _launched = [];
    private long _credit;
    private OutgoingTransfer?[] _announced = []; // by sequence, until the receiver has named its memory
    private int _eagerLimit;
    private long _next;
    private long _taken; // frames that the receiver is done with
    private bool _isClosed;
    private bool _isFreed;

    /// <summary>On the worker's thread: the other end's limits are known.</summary>
    public void Open(LinkLimits limits)
    {
        lock (_lock)
        {
            _announced = new OutgoingTransfer?[limits.Window];
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
                return ValueTask.FromException(owner.Lost());
            transfer = Take();
        }

        transfer.Begin(frame, _eagerLimit); // copies, so not under the lock
        lock (_lock)
        {
            if (_isClosed)
            {
                Recycle(transfer);
                return ValueTask.FromException(owner.Lost());
            }

            return Enter(transfer, cancellationToken);
        }
    }

    /// <summary>The caller does not wait any more, and gets its memory back.</summary>
    /// <returns>Whether the caller is to be told so here; otherwise it is told how the send has ended.</returns>
    public bool TryDetach(SendWaiter waiter, OutgoingTransfer transfer)
    {
        lock (_lock)
        {
            if (transfer.Waiter != waiter)
                return false;
            switch (transfer.State)
            {
                case TransferState.Queued:
                    _queue.Remove(transfer.Node);
                    Recycle(transfer);
                    return true;
                case TransferState.Announced when transfer.Left > PayloadCopy.MostBytes:
                    transfer.Waiter = null;
                    _announced[transfer.Sequence % _announced.Length] = null;
                    link.Fail(DisconnectReason.Reset, PayloadCopy.TooLong(transfer.Left));
                    return true;
                case TransferState.Announced:
                    transfer.Waiter = null;
                    transfer.State = TransferState.Copying;
                    break;
                default:
                    return false; // it is being fetched, which ends soon, or with the connection
            }
        }

        transfer.Copy();
        bool isCleared;
        lock (_lock)
        {
            isCleared = transfer.IsDiscarded is not null && !_isClosed;
            transfer.State = isCleared ? TransferState.Fetched : TransferState.Announced;
            if (_isFreed)
                transfer.Dispose();
        }

        if (isCleared)
            link.Worker.Post(transfer);
        return true;
    }

    public void Return(SendWaiter waiter)
    {
        lock (_lock)
            _waiters.Push(waiter);
    }

    /// <summary>From any thread: no frame begins any more, and callers whose memory UCX does not know get it back.</summary>
    public void Close()
    {
        List<SendWaiter> waiting = [];
        lock (_lock)
        {
            _isClosed = true;
            _queue.Clear();
            Array.Clear(_announced); // what the receiver says about them comes too late
            foreach (var transfer in _allTransfers)
            {
                if (transfer.State is not (TransferState.Queued or TransferState.Announced) || transfer.Waiter is not { } waiter)
                    continue;
                transfer.Waiter = null;
                waiting.Add(waiter);
            }
        }

        foreach (var waiter in waiting)
            waiter.Complete(owner.Lost());
    }

    /// <summary>In the middle of UCX's progress: the receiver has named the memory for the rest of a frame.</summary>
    public void OnClear(in MessageHeader header)
    {
        _clearances.Enqueue(header);
        link.MarkReady();
    }

    /// <summary>In the middle of UCX's progress: the receiver has taken so many frames.</summary>
    public void OnCredit(long taken)
    {
        _credit = Math.Max(_credit, taken); // a later one may have overtaken it
        link.MarkReady();
    }

    public void Pump()
    {
        if (link.IsOver)
            return;
        while (_clearances.TryDequeue(out var clearance))
            Clear(clearance);
        if (_credit > _taken)
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

        waiter?.Complete(hasFailed ? owner.Lost() : null);
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
        var isFree = _queue.Count == 0 && _next - _taken < _announced.Length;
        var mustWait = !isFree || !transfer.IsWhole;
        if (isFree)
            Announce(transfer);
        else
            Queue(transfer);
        if (mustWait)
            transfer.Waiter = _waiters.TryPop(out var pooled) ? pooled : new SendWaiter(this);
        var waiting = mustWait ? transfer.Waiter!.Begin(transfer, cancellationToken) : default;
        if (isFree)
            link.Worker.Post(transfer);
        return waiting;
    }

    private void Queue(OutgoingTransfer transfer)
    {
        transfer.State = TransferState.Queued;
        _queue.AddLast(transfer.Node);
    }

    private void Announce(OutgoingTransfer transfer)
    {
        transfer.Sequence = _next++;
        transfer.State = transfer.IsWhole ? TransferState.Over : TransferState.Announced;
        if (!transfer.IsWhole)
            _announced[transfer.Sequence % _announced.Length] = transfer;
    }

    /// <summary>As many as the receiver has room for now; the calls of those that are copied return.</summary>
    private void Launch()
    {
        lock (_lock)
        {
            if (_credit > _next)
                throw link.Violation($"{_credit} frames are taken of {_next} that were sent");
            for (; _taken < _credit; _taken++)
            {
                if (_announced[_taken % _announced.Length] is not null)
                    throw link.Violation($"frame {_taken} is taken, and its rest was not asked for"); // its place is about to be the next one's
            }

            while (_next - _taken < _announced.Length && _queue.First is { } first)
            {
                _queue.RemoveFirst();
                var transfer = first.Value;
                Announce(transfer);
                if (transfer.IsWhole)
                {
                    _launched.Add(transfer.Waiter!);
                    transfer.Waiter = null;
                }

                link.Worker.Post(transfer);
            }
        }

        foreach (var waiter in _launched)
            waiter.Complete(null);
        _launched.Clear();
    }

    private void Clear(in MessageHeader clearance)
    {
        OutgoingTransfer? transfer;
        lock (_lock)
        {
            if (_isClosed)
                return; // its caller has the memory back
            if (clearance.Sequence >= _next)
                throw link.Violation($"frame {clearance.Sequence} is cleared, and was not sent");
            ref var place = ref _announced[clearance.Sequence % _announced.Length];
            transfer = place;
            if (transfer is null || transfer.Sequence != clearance.Sequence)
                throw link.Violation($"frame {clearance.Sequence} is cleared and does not wait for that");
            place = null;
            if (transfer.State == TransferState.Copying)
            {
                transfer.IsDiscarded = clearance.IsDiscarded;
                return; // whoever copies it goes on
            }

            transfer.State = TransferState.Fetched;
        }

        transfer.SendRest(clearance.IsDiscarded);
    }

    private OutgoingTransfer Take()
    {
        if (!_transfers.TryPop(out var transfer))
        {
            transfer = new OutgoingTransfer(link, this);
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
