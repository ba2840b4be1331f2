using System.Runtime.InteropServices;
using ElasticEp.Protocol;
using ElasticEp.Transport;

namespace ElasticEp.Runtime;

/// <summary>Sends protocol messages.</summary>
internal static class ProtocolSender
{
    private static readonly FrameHead _head = new FrameHeader { Operation = FrameOperation.Protocol }.Encode();

    public static ValueTask SendAsync(ITransport transport, MemberId peer, ProtocolMessage message, CancellationToken cancellationToken, LinkKind link = LinkKind.Control)
    {
        var bytes = MessageCodec.Encode(message);
        return transport.SendAsync(peer, link, _head, EpBuffer.From(MemoryMarshal.AsMemory(bytes)), default, cancellationToken);
    }
}
