using System.Buffers.Binary;
using ElasticEp.Transport;

namespace ElasticEp.Transports.Rdma.Wire;

/// <summary>
/// The header of every active message, little-endian. Offsets: version 0, kind 1, discard 2, length of the metadata 4, token of the link 8,
/// sequence 24, length of the rows, or position of a piece, 32. A frame goes on with its head, 64 bytes, at 40.
/// </summary>
/// <param name="Kind">What the message is.</param>
/// <param name="Token">The secret that the receiver has given this link.</param>
/// <param name="Sequence">Number of a frame on its link; for a credit, of frames.</param>
internal readonly record struct MessageHeader(MessageKind Kind, UInt128 Token, long Sequence)
{
    /// <summary>Bytes of a header without a head.</summary>
    public const int Size = 40;

    /// <summary>Bytes of the header of a frame.</summary>
    public const int FrameSize = Size + FrameHead.ByteLength;

    private const byte Version = 1;
    private const int TokenOffset = 8;

    /// <summary>Of a clearance: the frame is not wanted.</summary>
    public bool IsDiscarded { get; init; }

    /// <summary>Of a frame: bytes of metadata.</summary>
    public int MetadataLength { get; init; }

    /// <summary>Of a frame: bytes of rows. Of a piece: where it begins in the metadata and rows together.</summary>
    public long Position { get; init; }

    public int Write(Span<byte> destination)
    {
        (destination[0], destination[1], destination[2], destination[3]) = (Version, (byte)Kind, IsDiscarded ? (byte)1 : (byte)0, 0);
        BinaryPrimitives.WriteInt32LittleEndian(destination[4..], MetadataLength);
        BinaryPrimitives.WriteUInt128LittleEndian(destination[TokenOffset..], Token);
        BinaryPrimitives.WriteInt64LittleEndian(destination[24..], Sequence);
        BinaryPrimitives.WriteInt64LittleEndian(destination[32..], Position);
        return Size;
    }

    public static int Write(Span<byte> destination, UInt128 token, long sequence, in FrameInfo frame)
    {
        new MessageHeader(MessageKind.Frame, token, sequence) { MetadataLength = frame.MetadataLength, Position = frame.RowsLength }.Write(destination);
        frame.Head.CopyTo(destination[Size..]);
        return FrameSize;
    }

    /// <summary>Whom a message is for; false when it is of no version that is known.</summary>
    public static bool TryReadToken(ReadOnlySpan<byte> header, out UInt128 token)
    {
        var isKnown = header.Length >= Size && header[0] == Version;
        token = isKnown ? BinaryPrimitives.ReadUInt128LittleEndian(header[TokenOffset..]) : default;
        return isKnown;
    }

    /// <summary>Reads a header whose token was known.</summary>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.ProtocolViolation"/>: it is malformed.</exception>
    public static MessageHeader Read(ReadOnlySpan<byte> header)
    {
        var read = new MessageHeader((MessageKind)header[1], BinaryPrimitives.ReadUInt128LittleEndian(header[TokenOffset..]), BinaryPrimitives.ReadInt64LittleEndian(header[24..]))
        {
            IsDiscarded = header[2] == 1,
            MetadataLength = BinaryPrimitives.ReadInt32LittleEndian(header[4..]),
            Position = BinaryPrimitives.ReadInt64LittleEndian(header[32..]),
        };
        var isWhole = read.Kind is >= MessageKind.Hello and <= MessageKind.Credit
            && header.Length == (read.Kind == MessageKind.Frame ? FrameSize : Size)
            && header[2] <= 1 && read is { Sequence: >= 0, MetadataLength: >= 0, Position: >= 0 }
            && read.Position <= long.MaxValue - read.MetadataLength;
        return isWhole ? read : throw new ElasticEpException(ElasticEpErrorCode.ProtocolViolation, $"A message header of {header.Length} bytes is malformed: {read.Kind}, sequence {read.Sequence}.");
    }

    /// <summary>What the header of a frame says about it.</summary>
    public FrameInfo ReadFrame(ReadOnlySpan<byte> header) => new(new FrameHead(header.Slice(Size, FrameHead.ByteLength)), MetadataLength, Position);
}
