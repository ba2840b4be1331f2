namespace ElasticEp.Samples.Serving.Messages;

/// <summary>Requests with their assignments, on their way to the rank that should have them.</summary>
internal static class RequestList
{
    private const int Size = 12;

    public static byte[] Encode(IReadOnlyList<(long Request, int Owner)> requests)
    {
        var bytes = new byte[requests.Count * Size];
        for (var i = 0; i < requests.Count; i++)
        {
            BitConverter.TryWriteBytes(bytes.AsSpan(i * Size), requests[i].Request);
            BitConverter.TryWriteBytes(bytes.AsSpan((i * Size) + 8), requests[i].Owner);
        }

        return bytes;
    }

    public static IEnumerable<(long Request, int Owner)> Decode(ReadOnlyMemory<byte> payload)
    {
        for (var i = 0; i + Size <= payload.Length; i += Size)
            yield return (BitConverter.ToInt64(payload.Span[i..]), BitConverter.ToInt32(payload.Span[(i + 8)..]));
    }
}
