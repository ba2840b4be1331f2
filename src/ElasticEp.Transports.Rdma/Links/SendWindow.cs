using System.Diagnostics.CodeAnalysis;

namespace ElasticEp.Transports.Rdma.Links;

/// <summary>
/// Which frames the receiver has room for, in their order: at most a window of them is announced and not taken yet, the others wait. Guarded
/// by the lock of its sender.
/// </summary>
internal sealed class SendWindow(RdmaLink link)
{
    private readonly LinkedList<OutgoingTransfer> _queue = [];
    private OutgoingTransfer?[] _announced = []; // by sequence, until the receiver has named the memory for the rest
    private long _next;
    private long _taken; // frames that the receiver is done with

    /// <summary>Whether a frame may go at once.</summary>
    public bool IsFree => _queue.Count == 0 && HasRoom;

    private bool HasRoom => _next - _taken < _announced.Length;

    public void Open(int frames) => _announced = new OutgoingTransfer?[frames];

    /// <summary>The frame is the next to go.</summary>
    public void Announce(OutgoingTransfer transfer)
    {
        transfer.Sequence = _next++;
        transfer.State = transfer.IsWhole ? TransferState.Over : TransferState.Announced;
        if (!transfer.IsWhole)
            _announced[transfer.Sequence % _announced.Length] = transfer;
    }

    /// <summary>The frame waits for room.</summary>
    public void Queue(OutgoingTransfer transfer)
    {
        transfer.State = TransferState.Queued;
        _queue.AddLast(transfer.Node);
    }

    /// <summary>A frame that waits for room is not sent.</summary>
    public void Remove(OutgoingTransfer transfer) => _queue.Remove(transfer.Node);

    /// <summary>What the receiver says about an announced frame comes too late.</summary>
    public void Forget(OutgoingTransfer transfer) => _announced[transfer.Sequence % _announced.Length] = null;

    public void Clear()
    {
        _queue.Clear();
        Array.Clear(_announced);
    }

    /// <summary>The receiver has named the memory for the rest of a frame, or does not want it.</summary>
    /// <exception cref="ElasticEpException">It breaks the protocol.</exception>
    public OutgoingTransfer TakeCleared(long sequence)
    {
        if (sequence < 0 || sequence >= _next)
            throw link.Violation($"frame {sequence} is cleared, and was not sent");
        ref var place = ref _announced[sequence % _announced.Length];
        if (place is not { } transfer || transfer.Sequence != sequence)
            throw link.Violation($"frame {sequence} is cleared and does not wait for that");
        place = null;
        return transfer;
    }

    /// <summary>The receiver is done with so many frames.</summary>
    /// <exception cref="ElasticEpException">It breaks the protocol.</exception>
    public void Credit(long taken)
    {
        if (taken > _next)
            throw link.Violation($"{taken} frames are taken of {_next} that were sent");
        for (; _taken < taken; _taken++)
        {
            if (_announced[_taken % _announced.Length] is not null)
                throw link.Violation($"frame {_taken} is taken, and its rest was not asked for"); // its place is about to be the next one's
        }
    }

    /// <summary>Announces the next frame that waits, if there is room for it.</summary>
    public bool TryNext([NotNullWhen(true)] out OutgoingTransfer? transfer)
    {
        transfer = HasRoom ? _queue.First?.Value : null;
        if (transfer is null)
            return false;
        _queue.RemoveFirst();
        Announce(transfer);
        return true;
    }
}
