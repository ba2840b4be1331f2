using System.Text;
using ElasticEp.Protocol;
using ElasticEp.Transport;
using ElasticEp.Transports.Rdma.Links;

namespace ElasticEp.Transports.Rdma.Connections;

/// <summary>The wire format of what sets a connection up: a frame whose head says what it is, and metadata.</summary>
internal static class SetupMessage
{
    /// <summary>Most bytes of one; an address has some hundreds.</summary>
    public const int MaxLength = 64 << 10;

    /// <summary>The data and the weights link.</summary>
    public const int Links = 2;

    private const byte Version = 2; // of the links' protocol too
    private const int MaxText = 1000;

    private static ReadOnlySpan<byte> Magic => "EP-UCX"u8;

    public static FrameHead Head(SetupKind kind)
    {
        Span<byte> bytes = stackalloc byte[FrameHead.ByteLength];
        bytes.Clear();
        Magic.CopyTo(bytes);
        bytes[Magic.Length] = (byte)kind;
        return new FrameHead(bytes);
    }

    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.ProtocolViolation"/>: it is none.</exception>
    public static SetupKind ReadHead(in FrameInfo frame)
    {
        Span<byte> bytes = stackalloc byte[FrameHead.ByteLength];
        frame.Head.CopyTo(bytes);
        var kind = (SetupKind)bytes[Magic.Length];
        return bytes.StartsWith(Magic) && kind is >= SetupKind.Machine and <= SetupKind.Violation && frame is { MetadataLength: <= MaxLength, RowsLength: 0 }
            ? kind
            : throw WireReader.Malformed($"nothing sets a connection up with {frame.MetadataLength} bytes of metadata and {frame.RowsLength} of rows");
    }

    public static ReadOnlyMemory<byte> Encode(IReadOnlyList<LinkOffer> offers)
    {
        var writer = new WireWriter();
        writer.Byte(Version); // the lowest that is spoken
        writer.Byte(Version); // the highest
        foreach (var offer in offers)
        {
            writer.ULong((ulong)(offer.Token >> 64));
            writer.ULong((ulong)offer.Token);
            writer.Int(offer.Limits.Window);
            writer.Int(offer.Limits.EagerLimit);
            writer.Bytes(offer.Address.Span);
        }

        return writer.Written;
    }

    /// <exception cref="ElasticEpException">
    /// <see cref="ElasticEpErrorCode.ProtocolViolation"/>: malformed; <see cref="ElasticEpErrorCode.Incompatible"/>: of another release.
    /// </exception>
    public static LinkOffer[] DecodeOffers(ReadOnlySpan<byte> bytes)
    {
        var reader = new WireReader(bytes);
        var (lowest, highest) = (reader.Byte(), reader.Byte());
        if (lowest > Version || highest < Version)
            throw new ElasticEpException(ElasticEpErrorCode.Incompatible, $"The peer's RDMA links speak versions {lowest} to {highest}, this process version {Version}; update the older one.");
        var offers = new LinkOffer[Links];
        for (var link = 0; link < Links; link++)
        {
            var token = new UInt128(reader.ULong(), reader.ULong());
            var limits = new LinkLimits(reader.Int(), reader.Int());
            var address = reader.Bytes();
            if (!limits.AreValid || address.Length == 0)
                throw WireReader.Malformed($"a link offers {limits} and an address of {address.Length} bytes");
            offers[link] = new LinkOffer(token, limits, address);
        }

        return offers; // a later version may append to it
    }

    public static ReadOnlyMemory<byte> Encode(IReadOnlyList<long> counts)
    {
        var writer = new WireWriter();
        foreach (var count in counts)
            writer.Long(count);
        return writer.Written;
    }

    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.ProtocolViolation"/>: malformed.</exception>
    public static long[] DecodeCounts(ReadOnlySpan<byte> bytes)
    {
        var reader = new WireReader(bytes);
        long[] counts = [reader.Long(), reader.Long()];
        return counts.All(count => count >= 0) ? counts : throw WireReader.Malformed($"workers have had {counts[0]} and {counts[1]} endpoints");
    }

    public static ReadOnlyMemory<byte> Encode(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        return bytes.AsMemory(0, Math.Min(bytes.Length, MaxText));
    }

    /// <summary>A peer's words go into this end's log: no control characters.</summary>
    public static string DecodeText(ReadOnlySpan<byte> bytes)
    {
        var text = Encoding.UTF8.GetString(bytes[..Math.Min(bytes.Length, MaxText)]);
        return string.Create(text.Length, text, static (cleaned, given) =>
        {
            for (var i = 0; i < given.Length; i++)
                cleaned[i] = char.IsControl(given[i]) ? '?' : given[i];
        });
    }
}
