using System.Buffers.Binary;
using System.Numerics;
using ElasticEp.Rendezvous;

namespace ElasticEp.Transports.Tcp.Store;

/// <summary>
/// Format of the store's file, little-endian. Header: magic (8), version (4), identity (16), check of these (4). Then batches, one
/// for each flush: length of the operations (4), check of identity, offset and length (4), check of the operations (4), operations.
/// Only the last batch can have been written in part; a check names identity and offset, so that bytes inside a value never pass for a batch.
/// </summary>
internal static class StoreLog
{
    public const int HeaderSize = 32;

    /// <summary>Bytes in front of the operations of a batch.</summary>
    public const int HeadSize = 12;

    public const int FormatVersion = 1;

    private const int IdentitySize = 16;

    private static ReadOnlySpan<byte> Magic => "EEPSTORE"u8;

    public static byte[] Header(Guid identity)
    {
        var header = new byte[HeaderSize];
        Magic.CopyTo(header);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(8), FormatVersion);
        identity.TryWriteBytes(header.AsSpan(12));
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(28), Check(header.AsSpan(0, 28)));
        return header;
    }

    /// <summary>The head of a batch that is written at an offset of the file.</summary>
    public static void WriteHead(Span<byte> head, Guid identity, long offset, ReadOnlySpan<byte> operations)
    {
        BinaryPrimitives.WriteInt32LittleEndian(head, operations.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(head[4..], CheckHead(identity, offset, operations.Length));
        BinaryPrimitives.WriteUInt32LittleEndian(head[8..], Check(operations));
    }

    /// <summary>The state that a log leads to. <see cref="StoreReplay.Length"/> is below the log's length when the last batch is torn.</summary>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.ChecksumMismatch"/>: damaged before its last batch, or not a log; <see cref="ElasticEpErrorCode.Incompatible"/>: of another format version.</exception>
    public static StoreReplay Replay(ReadOnlySpan<byte> log)
    {
        if (log.Length < HeaderSize || !log.StartsWith(Magic) || BinaryPrimitives.ReadUInt32LittleEndian(log[28..]) != Check(log[..28]))
            throw Damaged(0, "the header is not that of a store's file");
        if (BinaryPrimitives.ReadInt32LittleEndian(log[8..]) is var version and not FormatVersion)
            throw new ElasticEpException(ElasticEpErrorCode.Incompatible, $"it has format version {version}; this library reads version {FormatVersion}");
        var identity = new Guid(log.Slice(12, IdentitySize));
        var state = new StoreState();
        var offset = HeaderSize;
        while (offset < log.Length)
        {
            if (!TryRead(log, offset, identity, out var operations))
            {
                for (var later = offset + 1; later <= log.Length - HeadSize; later++)
                {
                    if (TryRead(log, later, identity, out _))
                        throw Damaged(offset, $"the batch there is damaged, while a whole one follows at offset {later}");
                }

                break;
            }

            try
            {
                StoreLogOperations.Apply(operations, state);
            }
            catch (ElasticEpException exception)
            {
                throw Damaged(offset, $"its checks are right, its content is not ({exception.Message})");
            }

            offset += HeadSize + operations.Length;
        }

        return new StoreReplay(identity, state, offset);
    }

    private static bool TryRead(ReadOnlySpan<byte> log, int offset, Guid identity, out ReadOnlySpan<byte> operations)
    {
        operations = default;
        if (log.Length - offset < HeadSize)
            return false;
        var head = log[offset..];
        var length = BinaryPrimitives.ReadInt32LittleEndian(head);
        if (length <= 0 || length > head.Length - HeadSize || BinaryPrimitives.ReadUInt32LittleEndian(head[4..]) != CheckHead(identity, offset, length))
            return false;
        operations = head.Slice(HeadSize, length);
        return BinaryPrimitives.ReadUInt32LittleEndian(head[8..]) == Check(operations);
    }

    private static uint CheckHead(Guid identity, long offset, int length)
    {
        Span<byte> bytes = stackalloc byte[IdentitySize + sizeof(long) + sizeof(int)];
        identity.TryWriteBytes(bytes);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[IdentitySize..], offset);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[(IdentitySize + sizeof(long))..], length);
        return Check(bytes);
    }

    /// <summary>CRC-32C with the usual start and end: zeros have a check that is not zero.</summary>
    private static uint Check(ReadOnlySpan<byte> bytes)
    {
        var check = ~0u;
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
            check = BitOperations.Crc32C(check, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (var value in bytes)
            check = BitOperations.Crc32C(check, value);
        return ~check;
    }

    private static ElasticEpException Damaged(long offset, string reason) =>
        new(ElasticEpErrorCode.ChecksumMismatch, $"it is damaged at offset {offset}: {reason}");
}
