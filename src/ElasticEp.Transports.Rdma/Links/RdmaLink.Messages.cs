using ElasticEp.Transport;
using ElasticEp.Transports.Rdma.Native;
using ElasticEp.Transports.Rdma.Wire;
using ElasticEp.Transports.Rdma.Workers;

namespace ElasticEp.Transports.Rdma.Links;

/// <summary>Its messages: what comes, what it sends, and the operations of UCX that carry them.</summary>
internal sealed partial class RdmaLink
{
    public UcxStatus OnMessage(in ReceivedMessage message)
    {
        if (IsOver)
            return UcxStatus.Ok;
        var header = MessageHeader.Read(message.Header);
        if (header.Kind is not (MessageKind.Frame or MessageKind.Piece) && message.Length > 0)
            throw Violation($"a message {header.Kind} brings {message.Length} bytes");
        switch (header.Kind)
        {
            case MessageKind.Hello:
                _joined = message.ReplyEndpoint;
                MarkReady();
                return UcxStatus.Ok;
            case MessageKind.Frame:
                return Receiver.OnFrame(header, message);
            case MessageKind.Piece:
                return Receiver.OnPiece(header, message);
            case MessageKind.Clear:
                Sender.OnClear(header);
                return UcxStatus.Ok;
            default:
                Sender.OnCredit(header.Sequence);
                return UcxStatus.Ok;
        }
    }

    /// <summary>Whoever begins an operation holds the link open until <see cref="EndOperation"/>. When it throws, nothing has begun.</summary>
    public UcxOperation BeginOperation(IOperationOwner owner, EpBuffer memory = default)
    {
        var operation = Worker.Begin(owner, memory);
        _operations++;
        return operation;
    }

    public void EndOperation()
    {
        if (--_operations == 0 && _isClosing)
            MarkReady();
    }

    /// <summary>Sends a message without data.</summary>
    public unsafe void Send(MessageKind kind, long sequence, bool isDiscarded = false)
    {
        if (IsOver)
            return;
        var operation = BeginOperation(this);
        var length = new MessageHeader(kind, _remote!.Token, sequence) { IsDiscarded = isDiscarded }.Write(operation.Header);
        Worker.Send(_endpoint!.Pointer, operation, length, null, 0, kind == MessageKind.Hello ? UcpFlags.SendEager | UcpFlags.SendReply : UcpFlags.SendEager);
    }

    /// <summary>Sends the beginning of a frame.</summary>
    public unsafe void SendFrame(UcxOperation operation, long sequence, in FrameInfo frame, void* data, int length) =>
        Worker.Send(_endpoint!.Pointer, operation, MessageHeader.Write(operation.Header, _remote!.Token, sequence, frame), data, length, UcpFlags.SendEager);

    /// <summary>Sends a part of the rest of a frame, which the other end fetches.</summary>
    public unsafe void SendPiece(UcxOperation operation, long sequence, long position)
    {
        var header = new MessageHeader(MessageKind.Piece, _remote!.Token, sequence) { Position = position }.Write(operation.Header);
        Worker.Send(_endpoint!.Pointer, operation, header, operation.Start, operation.Length, UcpFlags.SendRendezvous);
    }

    /// <summary>A message without data is out, or will never be; or the other end is reached.</summary>
    public void OnCompleted(UcxOperation operation, UcxStatus status)
    {
        if (operation == _reaching)
        {
            _reaching = null;
            if (status == UcxStatus.Ok)
                _reached.TrySetResult();
        }

        EndOperation();
        OnSent(status);
    }

    /// <summary>Looks at how an operation has ended.</summary>
    public void OnSent(UcxStatus status)
    {
        if (status == UcxStatus.Ok || _endpointFailure != UcxStatus.Ok)
            return;
        _endpointFailure = status;
        MarkReady();
    }
}
