using System.Runtime.InteropServices;
using ElasticEp.Protocol;
using ElasticEp.Transport;

namespace ElasticEp.Runtime;

/// <summary>Sends protocol messages as control frames.</summary>
internal static class ProtocolSender
{
    public static ValueTask SendAsync(ITransport transport, MemberId peer, ProtocolMessage message, CancellationToken cancellationToken)
    {
        var bytes = MessageCodec.Encode(message);
        var header = new FrameHeader { Operation = FrameOperation.Protocol, PayloadLength = bytes.Length };
        ReadOnlyMemory<EpBuffer> segments = new[] { EpBuffer.From(MemoryMarshal.AsMemory(bytes)) };
        return transport.SendAsync(peer, LinkKind.Control, header, segments, cancellationToken);
    }
}
