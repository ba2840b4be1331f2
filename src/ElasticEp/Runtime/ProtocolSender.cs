using System.Runtime.InteropServices;
using ElasticEp.Protocol;
using ElasticEp.Transport;

namespace ElasticEp.Runtime;

/// <summary>Sends protocol messages.</summary>
internal static class ProtocolSender
{
    private static readonly FrameHead Head = new FrameHeader { Operation = FrameOperation.Protocol }.Encode();

    public static ValueTask SendAsync(ITransport transport, MemberId peer, ProtocolMessage message, CancellationToken cancellationToken, LinkKind link = LinkKind.Control)
    {
        var pieces = Array.ConvertAll(MessageCodec.EncodePieces(message), static piece => EpBuffer.From(MemoryMarshal.AsMemory(piece)));
        return transport.SendAsync(peer, link, Head, pieces, default, cancellationToken);
    }
}
