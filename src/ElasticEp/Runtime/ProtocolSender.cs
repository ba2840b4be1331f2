using System.Runtime.InteropServices;
using ElasticEp.Protocol;
using ElasticEp.Transport;

namespace ElasticEp.Runtime;

/// <summary>Sends protocol messages.</summary>
internal static class ProtocolSender
{
    public static ValueTask SendAsync(ITransport transport, MemberId peer, ProtocolMessage message, CancellationToken cancellationToken, LinkKind link = LinkKind.Control)
    {
        var bytes = MessageCodec.Encode(message);
        var header = new FrameHeader { Operation = FrameOperation.Protocol, PayloadLength = bytes.Length };
        ReadOnlyMemory<EpBuffer> segments = new[] { EpBuffer.From(MemoryMarshal.AsMemory(bytes)) };
        return transport.SendAsync(peer, link, header, segments, cancellationToken);
    }
}
