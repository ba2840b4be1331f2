using System.Runtime.InteropServices;
using ElasticEp.Transport;
using ElasticEp.Transports.Rdma.Native;
using ElasticEp.Transports.Rdma.Workers;

namespace ElasticEp.Transports.Rdma.Links;

/// <summary>
/// A frame on its way out. What is small goes with its head, copied; the rest stays in the sender's memory until the receiver has named its own,
/// and is fetched from there. Pooled by its link.
/// </summary>
internal sealed unsafe class OutgoingTransfer : IWorkerItem, IOperationOwner, IDisposable
{
    private const int SmallSegment = 64 << 10;
    private const int KeptGather = 1 << 20;

    private readonly RdmaLink _link;
    private readonly LinkSender _sender;
    private OutgoingFrame _frame;
    private PayloadCopy? _copy;
    private byte* _eager;
    private int _eagerCapacity;
    private byte* _gather; // small segments, side by side
    private long _gatherCapacity;
    private EpBuffer _gathered; // the same, of this frame
    private int _eagerLength;
    private int _operations;
    private bool _hasFailed;

    public OutgoingTransfer(RdmaLink link, LinkSender sender)
    {
        _link = link;
        _sender = sender;
        Node = new LinkedListNode<OutgoingTransfer>(this);
    }

    /// <summary>Its place in the queue.</summary>
    public LinkedListNode<OutgoingTransfer> Node { get; }

    /// <summary>Guarded by the sender's lock, as are the next three.</summary>
    public TransferState State { get; set; }

    public long Sequence { get; set; }

    /// <summary>The call that waits for it, if any.</summary>
    public SendWaiter? Waiter { get; set; }

    /// <summary>The receiver's answer came while it was being copied.</summary>
    public bool? IsDiscarded { get; set; }

    /// <summary>On the worker's thread: its beginning was sent, so that the receiver may answer.</summary>
    public bool IsAnnounced { get; private set; }

    /// <summary>All of it goes with its head: the sender's memory is free.</summary>
    public bool IsWhole => Left == 0;

    /// <summary>Bytes that the receiver has to fetch.</summary>
    public long Left { get; private set; }

    /// <summary>Copies what goes with the head, and small segments of the rest, for which the worker's thread has no time.</summary>
    public void Begin(in OutgoingFrame frame, int eagerLimit)
    {
        _frame = frame;
        (IsAnnounced, _hasFailed, IsDiscarded) = (false, false, null);
        var info = frame.Info;
        _eagerLength = info.PayloadLength <= eagerLimit ? (int)info.PayloadLength : info.MetadataLength <= eagerLimit ? info.MetadataLength : 0;
        Left = info.PayloadLength - _eagerLength;
        _gathered = Left > 0 && frame.Rows.Length > 1 ? Gather(frame.Rows.Span) : default;
        if (_eagerLength == 0)
            return;
        Reserve(eagerLimit);
        var target = EpBuffer.FromPointer((nint)_eager, _eagerLength, ElementType.Byte);
        PayloadCopy.Copy(frame.Metadata.Span, target.SliceBytes(0, info.MetadataLength));
        if (Left == 0)
            PayloadCopy.Copy(frame.Rows.Span, target.SliceBytes(info.MetadataLength, info.RowsLength));
    }

    /// <summary>Copies what is left, so that the sender's memory is free. Not under a lock: it takes a while.</summary>
    public void Copy()
    {
        EpBuffer[] segments = _frame.Info.MetadataLength > _eagerLength ? [.. _frame.Metadata.Span, .. _frame.Rows.Span] : [.. _frame.Rows.Span];
        _copy = new PayloadCopy(segments, Left);
    }

    /// <summary>On the worker's thread: sends its beginning, or what was cleared while it was being copied.</summary>
    public void Run()
    {
        if (_link.IsOver)
            return; // its waiter is told by the end of the connection, and its memory goes with the link
        try
        {
            if (IsAnnounced)
            {
                SendRest(IsDiscarded == true);
                return;
            }

            IsAnnounced = true;
            _link.SendFrame(BeginOperation(), Sequence, _frame.Info, _eager, _eagerLength);
        }
        catch (Exception exception)
        {
            _link.OnFault(exception);
        }
    }

    /// <summary>On the worker's thread: the receiver waits for the rest, or does not want it.</summary>
    public void SendRest(bool isDiscarded)
    {
        _operations++; // until all pieces are begun
        try
        {
            if (!isDiscarded)
                SendPieces();
        }
        catch
        {
            _hasFailed = true;
            throw; // ends the connection
        }
        finally
        {
            Left = 0;
            EndOperation();
        }
    }

    public void OnCompleted(UcxOperation operation, UcxStatus status)
    {
        _hasFailed |= status != UcxStatus.Ok;
        _link.OnSent(status);
        EndOperation();
        _link.EndOperation();
    }

    public void Dispose()
    {
        _copy?.Dispose();
        NativeMemory.Free(_eager);
        NativeMemory.Free(_gather);
        _copy = null;
        _eager = null;
        _gather = null;
    }

    private void SendPieces()
    {
        long position = _eagerLength;
        if (_copy is not null)
        {
            SendSplit(_copy.Buffer, ref position);
            return;
        }

        if (position < _frame.Info.MetadataLength)
        {
            foreach (var segment in _frame.Metadata.Span)
                SendPiece(segment, ref position);
        }

        SendRows(ref position);
    }

    /// <summary>A copy holds metadata and rows side by side; a piece is of one of the two.</summary>
    private void SendSplit(EpBuffer rest, ref long position)
    {
        var metadata = _frame.Info.MetadataLength - position;
        if (metadata > 0)
            SendPiece(rest.SliceBytes(0, metadata), ref position);
        if (rest.ByteLength > metadata)
            SendPiece(rest.SliceBytes(metadata, rest.ByteLength - metadata), ref position);
    }

    /// <summary>Large segments are fetched from where they are; runs of small ones were copied together.</summary>
    private void SendRows(ref long position)
    {
        var rows = _frame.Rows.Span;
        if (rows.Length == 1)
        {
            SendPiece(rows[0], ref position);
            return;
        }

        var gathered = _gathered;
        for (var i = 0; i < rows.Length;)
        {
            if (rows[i].ByteLength >= SmallSegment)
            {
                SendPiece(rows[i++], ref position);
                continue;
            }

            long run = 0;
            for (; i < rows.Length && rows[i].ByteLength < SmallSegment; i++)
                run += rows[i].ByteLength;
            SendPiece(gathered.SliceBytes(0, run), ref position);
            gathered = gathered.SliceBytes(run, gathered.ByteLength - run);
        }
    }

    private EpBuffer Gather(ReadOnlySpan<EpBuffer> rows)
    {
        long length = 0;
        foreach (var segment in rows)
            length += segment.ByteLength < SmallSegment ? segment.ByteLength : 0;
        if (length > _gatherCapacity)
        {
            NativeMemory.Free(_gather);
            _gather = null; // there may be no memory for the next
            _gatherCapacity = 0;
            _gather = (byte*)NativeMemory.Alloc((nuint)length);
            _gatherCapacity = length;
        }

        var gathered = EpBuffer.FromPointer((nint)_gather, length, ElementType.Byte);
        long at = 0;
        foreach (var segment in rows)
        {
            if (segment.ByteLength >= SmallSegment)
                continue;
            segment.AsSpan<byte>().CopyTo(gathered.AsSpan<byte>(at, (int)segment.ByteLength));
            at += segment.ByteLength;
        }

        return gathered;
    }

    private void SendPiece(EpBuffer bytes, ref long position)
    {
        if (bytes.IsEmpty)
            return;
        _link.SendPiece(BeginOperation(bytes), Sequence, position);
        position += bytes.ByteLength;
    }

    private UcxOperation BeginOperation(EpBuffer memory = default)
    {
        var operation = _link.BeginOperation(this, memory);
        _operations++;
        return operation;
    }

    private void EndOperation()
    {
        if (--_operations > 0 || Left > 0)
            return; // when its beginning has failed, the end of the connection tells its caller
        _copy?.Dispose();
        _copy = null;
        (_frame, _gathered) = (default, default);
        if (_gatherCapacity > KeptGather)
        {
            NativeMemory.Free(_gather);
            _gather = null;
            _gatherCapacity = 0;
        }

        _sender.End(this, _hasFailed);
    }

    private void Reserve(int capacity)
    {
        if (_eagerCapacity >= capacity)
            return;
        NativeMemory.Free(_eager);
        _eager = null; // there may be no memory for the next
        _eagerCapacity = 0;
        _eager = (byte*)NativeMemory.Alloc((nuint)capacity);
        _eagerCapacity = capacity;
    }
}
