using System.Buffers.Binary;
using System.Text;
using ElasticEp.Transport;

namespace ElasticEp.Transports.Tcp.Transport;

/// <summary>
/// The last thing that a closing end sends on the control link, in place of a frame's beginning: the reason and up to
/// <see cref="MaxText"/> bytes of words. Its first byte marks it.
/// </summary>
internal static class LinkNotice
{
    public const byte Mark = 0xFF;
    public const int MaxText = 1000;

    public static byte[] Encode(DisconnectReason reason, string detail)
    {
        var text = Encoding.UTF8.GetBytes(detail);
        var length = Math.Min(text.Length, MaxText);
        var bytes = new byte[FrameWire.Size + length];
        (bytes[0], bytes[1]) = (Mark, (byte)reason);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4), length);
        text.AsSpan(0, length).CopyTo(bytes.AsSpan(FrameWire.Size));
        return bytes;
    }

    public static (DisconnectReason Reason, int TextLength) ReadHeader(ReadOnlySpan<byte> header)
    {
        var (reason, length) = ((DisconnectReason)header[1], BinaryPrimitives.ReadInt32LittleEndian(header[4..]));
        return reason is DisconnectReason.Goodbye or DisconnectReason.ProtocolError && length is >= 0 and <= MaxText
            ? (reason, length)
            : throw new ElasticEpException(ElasticEpErrorCode.ProtocolViolation, $"A closing notice is malformed: reason {(byte)reason}, {length} bytes of text.");
    }
}
