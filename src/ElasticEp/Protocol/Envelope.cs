using System.Buffers.Binary;

namespace ElasticEp.Protocol;

/// <summary>
/// How a record, a registration and a message begin: one byte of version and four of length, then the body. Who knows an earlier version
/// reads the fields that it knows and ignores the rest; what is left over within a known version is an error.
/// </summary>
internal static class Envelope
{
    private const int HeaderBytes = 5;

    /// <param name="version">Version of the body.</param>
    /// <param name="write">Writes the body.</param>
    public static ReadOnlyMemory<byte> Write(byte version, Action<WireWriter> write) => Fill(new WireWriter(), version, write).Written;

    /// <summary>The same bytes in pieces, in order: what the body shares with others is not copied.</summary>
    public static ReadOnlyMemory<byte>[] WritePieces(byte version, Action<WireWriter> write) => Fill(new WireWriter(isSharing: true), version, write).ToPieces();

    /// <summary>A reader of the body; give it to <see cref="End"/> when everything known is read.</summary>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.Incompatible"/>: too old; <see cref="ElasticEpErrorCode.ProtocolViolation"/>: cut off.</exception>
    public static WireReader Open(ReadOnlySpan<byte> bytes, string what)
    {
        if (bytes.Length < HeaderBytes)
            throw WireReader.Malformed($"{what} of {bytes.Length} bytes");
        var (version, length) = (bytes[0], BinaryPrimitives.ReadInt32LittleEndian(bytes[1..]));
        if (version < ProtocolVersion.Lowest)
            throw new ElasticEpException(ElasticEpErrorCode.Incompatible, $"{what} has version {version}, this process reads {ProtocolVersion.Lowest} and later; update the process that wrote it, or start a new group.");
        if (length != bytes.Length - HeaderBytes)
            throw WireReader.Malformed($"{what} of {bytes.Length - HeaderBytes} bytes says that it has {length}");
        return new WireReader(bytes[HeaderBytes..]);
    }

    public static void End(byte version, in WireReader reader)
    {
        if (version <= ProtocolVersion.Current)
            reader.End();
    }

    private static WireWriter Fill(WireWriter writer, byte version, Action<WireWriter> write)
    {
        writer.Byte(version);
        writer.Int(0);
        write(writer);
        writer.Patch(1, writer.Length - HeaderBytes);
        return writer;
    }
}
