using System.Buffers.Binary;
using System.Security.Cryptography;

namespace ElasticEp.Cuda.Windows;

/// <summary>A window that is handed over, as both sides know it before. The token never travels: each side proves that it knows it.</summary>
/// <param name="Receiver">Who made the window.</param>
/// <param name="Source">Who may write into it.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Digest">See <see cref="WindowLayout.Digest"/>.</param>
/// <param name="Token">A secret of this one handover, which the receiver told the source on a link that is authenticated.</param>
internal sealed record WindowHandover(MemberId Receiver, MemberId Source, long Bytes, ulong Digest, UInt128 Token)
{
    /// <summary>Bytes of a message.</summary>
    public const int Length = Signed + HMACSHA256.HashSizeInBytes;

    /// <summary>What the source sends first.</summary>
    public const int Hello = 1;

    /// <summary>What the receiver answers, with the descriptor.</summary>
    public const int Offer = 2;

    private const int Signed = 48;
    private const uint Magic = 0x32575045; // "EPW2"

    /// <summary>Writes <see cref="Hello"/> or <see cref="Offer"/>: what it is about, and an HMAC-SHA256 of that under the token.</summary>
    public void Write(Span<byte> message, int kind)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(message, Magic);
        BinaryPrimitives.WriteInt32LittleEndian(message[4..], kind);
        BinaryPrimitives.WriteInt32LittleEndian(message[8..], Receiver.Rank);
        BinaryPrimitives.WriteInt32LittleEndian(message[12..], Source.Rank);
        BinaryPrimitives.WriteInt64LittleEndian(message[16..], Receiver.Incarnation);
        BinaryPrimitives.WriteInt64LittleEndian(message[24..], Source.Incarnation);
        BinaryPrimitives.WriteInt64LittleEndian(message[32..], Bytes);
        BinaryPrimitives.WriteUInt64LittleEndian(message[40..], Digest);
        Prove(message[..Signed], message[Signed..Length]);
    }

    /// <summary>Whom a message names as the source; not proved yet.</summary>
    public static MemberId SourceOf(ReadOnlySpan<byte> message) => new(BinaryPrimitives.ReadInt32LittleEndian(message[12..]), BinaryPrimitives.ReadInt64LittleEndian(message[24..]));

    /// <summary>What is wrong with a message that came, or null.</summary>
    public string? FindFault(ReadOnlySpan<byte> message, int kind)
    {
        if (message.Length != Length || BinaryPrimitives.ReadUInt32LittleEndian(message) != Magic || BinaryPrimitives.ReadInt32LittleEndian(message[4..]) != kind)
            return $"{message.Length} bytes came that are no {(kind == Hello ? "hello" : "offer")}";
        Span<byte> proof = stackalloc byte[HMACSHA256.HashSizeInBytes];
        Prove(message[..Signed], proof);
        if (!CryptographicOperations.FixedTimeEquals(proof, message[Signed..]))
            return "the other side does not know the token";
        var receiver = new MemberId(BinaryPrimitives.ReadInt32LittleEndian(message[8..]), BinaryPrimitives.ReadInt64LittleEndian(message[16..]));
        var source = new MemberId(BinaryPrimitives.ReadInt32LittleEndian(message[12..]), BinaryPrimitives.ReadInt64LittleEndian(message[24..]));
        if (receiver != Receiver || source != Source)
            return $"the other side means one of {receiver} for {source}";
        var (bytes, digest) = (BinaryPrimitives.ReadInt64LittleEndian(message[32..]), BinaryPrimitives.ReadUInt64LittleEndian(message[40..]));
        return bytes != Bytes || digest != Digest ? $"there it has {bytes} bytes and layout {digest:x16}, here {Bytes} and {Digest:x16}" : null;
    }

    private void Prove(ReadOnlySpan<byte> signed, Span<byte> proof)
    {
        Span<byte> key = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128LittleEndian(key, Token);
        HMACSHA256.HashData(key, signed, proof);
    }
}
