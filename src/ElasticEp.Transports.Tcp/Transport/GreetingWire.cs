using System.Buffers.Binary;
using ElasticEp.Protocol;
using ElasticEp.Transport;
using ElasticEp.Transports.Tcp.Connecting;

namespace ElasticEp.Transports.Tcp.Transport;

/// <summary>
/// A greeting on the wire: lowest and highest version of the transport's protocol that its sender speaks, a length, and that many
/// bytes, at whose end a later version may append fields. The length is bounded, since it is read before the other end is known.
/// </summary>
internal static class GreetingWire
{
    private const int Head = 6;
    private const int MaxLength = 16 << 10;

    /// <summary>The versions that this library speaks. A version covers greetings, frames and the notice at the end.</summary>
    public static readonly VersionRange Versions = new(Current, Current);

    private const byte Current = 3;

    public static byte[] Encode(VersionRange versions, ReadOnlySpan<byte> message)
    {
        var bytes = new byte[Head + message.Length];
        (bytes[0], bytes[1]) = (versions.Lowest, versions.Highest);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(2), message.Length);
        message.CopyTo(bytes.AsSpan(Head));
        return bytes;
    }

    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.ProtocolViolation"/>: too long.</exception>
    /// <exception cref="IOException">The connection ended.</exception>
    public static async ValueTask<(VersionRange Versions, byte[] Message)> ReadAsync(Stream stream, CancellationToken cancellationToken)
    {
        var head = new byte[Head];
        await stream.ReadExactlyAsync(head, cancellationToken).ConfigureAwait(false);
        var count = BinaryPrimitives.ReadInt32LittleEndian(head.AsSpan(2));
        if (count is < 0 or > MaxLength)
            throw WireReader.Malformed($"a greeting of {count} bytes");
        var message = new byte[count];
        await stream.ReadExactlyAsync(message, cancellationToken).ConfigureAwait(false);
        return (new VersionRange(head[0], head[1]), message);
    }

    /// <summary>What is wrong with the other end's versions; null when there is a common one.</summary>
    public static string? FindMismatch(VersionRange theirs, VersionRange ours) => theirs.HighestCommon(ours) is null
        ? $"it speaks {theirs} of the transport's protocol, this process {ours}; run releases that have one in common"
        : null;
}
