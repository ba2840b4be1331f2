namespace ElasticEp.Samples.Server.Serving;

/// <summary>One token of a completed step.</summary>
/// <param name="Request">The request.</param>
/// <param name="Owner">The assignment under which it was made.</param>
/// <param name="Position">0 for the first generated token.</param>
/// <param name="Token">Its id.</param>
/// <param name="Finish">Whether it is the last one.</param>
internal readonly record struct ReleasedToken(long Request, int Owner, int Position, int Token, FinishReason Finish)
{
    private const int Size = 21;

    public static byte[] Encode(IReadOnlyList<ReleasedToken> tokens)
    {
        var bytes = new byte[tokens.Count * Size];
        for (var i = 0; i < tokens.Count; i++)
        {
            var at = bytes.AsSpan(i * Size);
            BitConverter.TryWriteBytes(at, tokens[i].Request);
            BitConverter.TryWriteBytes(at[8..], tokens[i].Owner);
            BitConverter.TryWriteBytes(at[12..], tokens[i].Position);
            BitConverter.TryWriteBytes(at[16..], tokens[i].Token);
            at[20] = (byte)tokens[i].Finish;
        }

        return bytes;
    }

    public static IEnumerable<ReleasedToken> Decode(ReadOnlyMemory<byte> payload)
    {
        for (var i = 0; i + Size <= payload.Length; i += Size)
        {
            var at = payload.Span[i..];
            yield return new ReleasedToken(
                BitConverter.ToInt64(at), BitConverter.ToInt32(at[8..]), BitConverter.ToInt32(at[12..]), BitConverter.ToInt32(at[16..]), (FinishReason)at[20]);
        }
    }
}
