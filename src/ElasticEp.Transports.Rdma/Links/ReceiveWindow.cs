using ElasticEp.Transports.Rdma.Native;
using ElasticEp.Transports.Rdma.Wire;
using ElasticEp.Transports.Rdma.Workers;

namespace ElasticEp.Transports.Rdma.Links;

/// <summary>The frames that have arrived and are not taken, by their numbers, with what came with their heads. There are at most a window of them.</summary>
internal sealed unsafe class ReceiveWindow(RdmaLink link, LinkLimits limits)
{
    private readonly IncomingFrame[] _frames = new IncomingFrame[limits.Window];

    /// <summary>How many frames may be taken before the sender is told.</summary>
    public int Unreported => Math.Max(1, limits.Window / 2);

    public ref IncomingFrame this[long sequence] => ref _frames[sequence % limits.Window];

    /// <summary>In the middle of UCX's progress: the beginning of a frame is here.</summary>
    /// <param name="header">Its number and lengths.</param>
    /// <param name="message">What came with it.</param>
    /// <param name="next">The first frame that is not taken yet.</param>
    /// <exception cref="ElasticEpException">It breaks the protocol.</exception>
    public UcxStatus Keep(in MessageHeader header, in ReceivedMessage message, long next)
    {
        if (header.Sequence < next || header.Sequence - next >= limits.Window)
            throw link.Violation($"frame {header.Sequence} comes while {next} and {limits.Window - 1} more are expected");
        ref var frame = ref this[header.Sequence];
        var info = header.ReadFrame(message.Header);
        if (frame.IsHere || message.IsRendezvous || message.Length > limits.EagerLimit || (message.Length != 0 && message.Length != info.MetadataLength && message.Length != info.PayloadLength))
            throw link.Violation($"frame {header.Sequence} of {info.MetadataLength} and {info.RowsLength} bytes begins with {message.Length}, or comes twice");
        if (message.Length > 0 && !message.IsPersistent)
            throw new InvalidOperationException("UCX does not let its data be kept.");
        frame = new IncomingFrame { IsHere = true, Info = info, Data = message.Length > 0 ? message.Data : null, Length = message.Length };
        return message.Length > 0 ? UcxStatus.InProgress : UcxStatus.Ok;
    }

    /// <summary>What came with the head is copied.</summary>
    public void ReleaseData(long sequence)
    {
        ref var frame = ref this[sequence];
        if (frame.Data != null)
            link.Worker.Release(frame.Data);
        frame.Data = null;
        frame.Length = 0;
    }

    /// <summary>The frame is done with.</summary>
    public void Release(long sequence)
    {
        ReleaseData(sequence);
        this[sequence] = default;
    }

    public void ReleaseAll()
    {
        for (var frame = 0; frame < limits.Window; frame++)
            Release(frame);
    }
}
