using System.Text;

namespace ElasticEp.Samples.Serving.Messages;

/// <summary>A short message about one request: cancelled, handed back, failed.</summary>
/// <param name="Request">The request.</param>
/// <param name="Owner">The assignment.</param>
/// <param name="Detail">Words, or empty.</param>
internal readonly record struct RequestNotice(long Request, int Owner, string Detail)
{
    public byte[] Encode()
    {
        var bytes = new byte[12 + Encoding.UTF8.GetByteCount(Detail)];
        BitConverter.TryWriteBytes(bytes, Request);
        BitConverter.TryWriteBytes(bytes.AsSpan(8), Owner);
        Encoding.UTF8.GetBytes(Detail, bytes.AsSpan(12));
        return bytes;
    }

    /// <exception cref="FormatException">It is too short.</exception>
    public static RequestNotice Decode(ReadOnlyMemory<byte> payload) => payload.Length < 12 ? throw new FormatException($"a notice of {payload.Length} bytes") : new(
        BitConverter.ToInt64(payload.Span), BitConverter.ToInt32(payload.Span[8..]), Encoding.UTF8.GetString(payload.Span[12..]));
}
