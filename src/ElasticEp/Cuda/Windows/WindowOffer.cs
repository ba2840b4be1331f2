using System.Buffers.Binary;

namespace ElasticEp.Cuda.Windows;

/// <summary>What travels with the descriptor of a window.</summary>
/// <param name="Receiver">Who made it.</param>
/// <param name="Source">Who may write into it.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Digest">See <see cref="WindowLayout.Digest"/>.</param>
/// <param name="Token">A secret that the receiver told the source on a link that is authenticated.</param>
internal readonly record struct WindowOffer(MemberId Receiver, MemberId Source, long Bytes, ulong Digest, UInt128 Token)
{
    /// <summary>Bytes of an offer.</summary>
    public const int Length = 72;

    private const uint Magic = 0x31575045; // "EPW1"

    public static WindowOffer Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Length || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Magic)
            throw new ElasticEpException(ElasticEpErrorCode.ProtocolViolation, $"A message of {bytes.Length} bytes is no offer of a window.");
        return new WindowOffer(
            new MemberId(BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]), BinaryPrimitives.ReadInt64LittleEndian(bytes[8..])),
            new MemberId(BinaryPrimitives.ReadInt32LittleEndian(bytes[16..]), BinaryPrimitives.ReadInt64LittleEndian(bytes[24..])),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[32..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[40..]),
            BinaryPrimitives.ReadUInt128LittleEndian(bytes[48..]));
    }

    public void Write(Span<byte> bytes)
    {
        bytes.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Magic);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[4..], Receiver.Rank);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[8..], Receiver.Incarnation);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[16..], Source.Rank);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[24..], Source.Incarnation);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[32..], Bytes);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[40..], Digest);
        BinaryPrimitives.WriteUInt128LittleEndian(bytes[48..], Token);
    }
}
