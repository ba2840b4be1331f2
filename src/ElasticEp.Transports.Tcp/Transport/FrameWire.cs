using System.Buffers.Binary;
using ElasticEp.Transport;

namespace ElasticEp.Transports.Tcp.Transport;

/// <summary>
/// How a frame begins on a socket: 16 bytes, little-endian (0: <see cref="Mark"/>, 4: length of the metadata, 8: length of the rows), and its
/// head. The metadata and the rows follow.
/// </summary>
internal static class FrameWire
{
    /// <summary>Bytes before the metadata.</summary>
    public const int Size = HeadOffset + FrameHead.ByteLength;

    private const byte Mark = 1;
    private const int HeadOffset = 16;
    private const long LongestRows = 1L << 48; // no memory is longer, and sums of lengths do not overflow

    public static void Write(Span<byte> destination, in FrameInfo frame)
    {
        destination[..HeadOffset].Clear();
        destination[0] = Mark;
        BinaryPrimitives.WriteInt32LittleEndian(destination[4..], frame.MetadataLength);
        BinaryPrimitives.WriteInt64LittleEndian(destination[8..], frame.RowsLength);
        frame.Head.CopyTo(destination[HeadOffset..]);
    }

    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.ProtocolViolation"/>: no frame begins so.</exception>
    public static FrameInfo Read(ReadOnlySpan<byte> source)
    {
        var (metadata, rows) = (BinaryPrimitives.ReadInt32LittleEndian(source[4..]), BinaryPrimitives.ReadInt64LittleEndian(source[8..]));
        return source[0] == Mark && metadata >= 0 && rows is >= 0 and <= LongestRows
            ? new FrameInfo(new FrameHead(source.Slice(HeadOffset, FrameHead.ByteLength)), metadata, rows)
            : throw new ElasticEpException(ElasticEpErrorCode.ProtocolViolation, $"The beginning of a frame is malformed: mark {source[0]}, {metadata} bytes of metadata, {rows} bytes of rows.");
    }
}
