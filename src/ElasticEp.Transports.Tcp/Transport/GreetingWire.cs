using System.Buffers.Binary;
using ElasticEp.Protocol;

namespace ElasticEp.Transports.Tcp.Transport;

/// <summary>Greetings are a length and that many bytes; bounded, since they are read before the other end is known.</summary>
internal static class GreetingWire
{
    private const int MaxLength = 16 << 10;

    public static async ValueTask WriteAsync(Stream stream, ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        var bytes = new byte[4 + message.Length];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, message.Length);
        message.CopyTo(bytes.AsMemory(4));
        await stream.WriteAsync(bytes, cancellationToken).ConfigureAwait(false);
    }

    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.ProtocolViolation"/>: too long.</exception>
    /// <exception cref="IOException">The connection ended.</exception>
    public static async ValueTask<byte[]> ReadAsync(Stream stream, CancellationToken cancellationToken)
    {
        var length = new byte[4];
        await stream.ReadExactlyAsync(length, cancellationToken).ConfigureAwait(false);
        var count = BinaryPrimitives.ReadInt32LittleEndian(length);
        if (count is < 0 or > MaxLength)
            throw WireReader.Malformed($"a greeting of {count} bytes");
        var message = new byte[count];
        await stream.ReadExactlyAsync(message, cancellationToken).ConfigureAwait(false);
        return message;
    }
}
