namespace ElasticEp.Samples.Serving.Messages;

/// <summary>What a step has brought: the rank's statement, then tokens, which may be none.</summary>
internal static class TokenMessage
{
    public static byte[] Encode(in RankStatement statement, IReadOnlyList<ReleasedToken> tokens)
    {
        var bytes = new byte[RankStatement.Size + ReleasedToken.SizeOf(tokens)];
        statement.Write(bytes);
        ReleasedToken.Encode(tokens, bytes.AsSpan(RankStatement.Size));
        return bytes;
    }

    /// <exception cref="FormatException">It is cut off.</exception>
    public static (RankStatement Statement, IEnumerable<ReleasedToken> Tokens) Decode(ReadOnlyMemory<byte> payload) =>
        (RankStatement.Read(payload.Span), ReleasedToken.Decode(payload[RankStatement.Size..]));
}
