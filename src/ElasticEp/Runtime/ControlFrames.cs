using ElasticEp.Transport;

namespace ElasticEp.Runtime;

/// <summary>Memory for the payloads of control frames: an array each, which the message then owns.</summary>
internal static class ControlFrames
{
    /// <summary>Largest payload of a control frame. A view of 1024 ranks with 61 layers of 2048 slots stays below it.</summary>
    public const int MaxPayload = 64 << 20;

    public static FrameTarget Accept(in FrameHeader header)
    {
        if (header.PayloadLength > MaxPayload)
            throw new ElasticEpException(ElasticEpErrorCode.ProtocolViolation, $"A control frame of {header.PayloadLength} bytes is above the limit of {MaxPayload}.");
        return header.PayloadLength == 0 ? FrameTarget.Deliver(default) : FrameTarget.Deliver(EpBuffer.From(new byte[header.PayloadLength]));
    }

    public static ReadOnlyMemory<byte> Take(EpBuffer payload) => payload.AsSpan<byte>().ToArray();
}
