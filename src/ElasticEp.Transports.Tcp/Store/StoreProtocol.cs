using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using ElasticEp.Protocol;

namespace ElasticEp.Transports.Tcp.Store;

/// <summary>
/// Frames of the store, little-endian, both ways: length of what follows (4), number of the request (4), operation or status (1),
/// body. A request's number is the client's choice; its answer carries it, and answers may come in any order.
/// </summary>
internal static class StoreProtocol
{
    /// <summary>Bytes in front of a body.</summary>
    public const int HeadSize = 9;

    /// <summary>Largest value of a key.</summary>
    public const int MaxValue = 64 << 20;

    /// <summary>Longest key in characters.</summary>
    public const int MaxKey = 1024;

    /// <summary>Largest frame that a server takes: a value with its key and numbers. Answers may be longer: lists.</summary>
    public const int MaxRequest = MaxValue + (4 * MaxKey) + 64;

    /// <summary>Takes the next whole frame off the front of a buffer.</summary>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.ProtocolViolation"/>: its length is impossible.</exception>
    public static bool TryTake(ref ReadOnlySequence<byte> buffer, int maxLength, out ReadOnlySequence<byte> frame)
    {
        frame = default;
        if (buffer.Length < sizeof(int))
            return false;
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        buffer.Slice(0, sizeof(int)).CopyTo(bytes);
        var length = BinaryPrimitives.ReadInt32LittleEndian(bytes);
        if (length < HeadSize - sizeof(int) || length > maxLength)
            throw WireReader.Malformed($"a frame of {length} bytes; at most {maxLength} are taken");
        if (buffer.Length - sizeof(int) < length)
            return false;
        frame = buffer.Slice(sizeof(int), length);
        buffer = buffer.Slice(sizeof(int) + length);
        return true;
    }

    public static void WriteHead(Span<byte> head, int bodyLength, uint number, byte kind)
    {
        BinaryPrimitives.WriteInt32LittleEndian(head, bodyLength + HeadSize - sizeof(int));
        BinaryPrimitives.WriteUInt32LittleEndian(head[4..], number);
        head[8] = kind;
    }

    /// <summary>A key with its length in front.</summary>
    public static int WriteKey(Span<byte> destination, string key)
    {
        var length = Encoding.UTF8.GetBytes(key, destination[2..]);
        BinaryPrimitives.WriteUInt16LittleEndian(destination, (ushort)length);
        return 2 + length;
    }

    /// <summary>Most bytes that <see cref="WriteKey"/> writes.</summary>
    public static int KeySize(string key) => 2 + Encoding.UTF8.GetMaxByteCount(key.Length);

    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.ProtocolViolation"/>: too short.</exception>
    public static string ReadKey(ref ReadOnlySpan<byte> body)
    {
        var length = BinaryPrimitives.ReadUInt16LittleEndian(Take(ref body, 2));
        return Encoding.UTF8.GetString(Take(ref body, length));
    }

    /// <summary>Reads a key without making a string of it; one that is too long for a key comes out longer than any key.</summary>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.ProtocolViolation"/>: too short.</exception>
    public static ReadOnlySpan<char> ReadKey(ref ReadOnlySpan<byte> body, Span<char> buffer)
    {
        var bytes = Take(ref body, BinaryPrimitives.ReadUInt16LittleEndian(Take(ref body, 2)));
        return bytes.Length <= buffer.Length ? buffer[..Encoding.UTF8.GetChars(bytes, buffer)] : Encoding.UTF8.GetString(bytes);
    }

    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.ProtocolViolation"/>: too short.</exception>
    public static long ReadLong(ref ReadOnlySpan<byte> body) => BinaryPrimitives.ReadInt64LittleEndian(Take(ref body, sizeof(long)));

    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.ProtocolViolation"/>: too short.</exception>
    public static int ReadInt(ref ReadOnlySpan<byte> body) => BinaryPrimitives.ReadInt32LittleEndian(Take(ref body, sizeof(int)));

    public static ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> body, int count)
    {
        if (count < 0 || count > body.Length)
            throw WireReader.Malformed($"{count} bytes wanted, {body.Length} left");
        var taken = body[..count];
        body = body[count..];
        return taken;
    }
}
