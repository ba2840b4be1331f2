using System.Runtime.InteropServices;
using ElasticEp.Protocol;
using ElasticEp.Transport;

namespace ElasticEp.Runtime;

/// <summary>Sends protocol messages.</summary>
internal static class ProtocolSender
{
    public static ValueTask SendAsync(ITransport transport, MemberId peer, ProtocolMessage message, CancellationToken cancellationToken, LinkKind link = LinkKind.Control)
    {
        var segments = Array.ConvertAll(MessageCodec.EncodePieces(message), static piece => EpBuffer.From(MemoryMarshal.AsMemory(piece)));
        var header = new FrameHeader { Operation = FrameOperation.Protocol, PayloadLength = segments.Sum(static segment => segment.ByteLength) };
        return transport.SendAsync(peer, link, header, segments, cancellationToken);
    }
}
