using System.Runtime.InteropServices;

namespace ElasticEp.Samples.Serving;

/// <summary>One token of a completed step.</summary>
/// <param name="Request">The request.</param>
/// <param name="Owner">The assignment under which it was made.</param>
/// <param name="Position">0 for the first generated token.</param>
/// <param name="Token">Its id.</param>
/// <param name="Finish">Whether it is the last one.</param>
/// <param name="LogProbabilities">The token's own, then those of the best tokens; null when none were asked for.</param>
public readonly record struct ReleasedToken(long Request, int Owner, int Position, int Token, FinishReason Finish, TokenProbability[]? LogProbabilities = null)
{
    private const int Size = 22;
    private const int ProbabilitySize = 12;
    private const byte HasPromptScores = 0x80; // beside the finish

    /// <summary>
    /// With the first token, where they were asked for: log probabilities of the prompt's tokens but the first, each as its own and those of the best
    /// tokens. A request that goes to another rank before its first token gets them from that one.
    /// </summary>
    public TokenProbability[][]? PromptScores { get; init; }

    internal static int SizeOf(IReadOnlyList<ReleasedToken> tokens)
    {
        var size = 0;
        foreach (var token in tokens)
        {
            size += Size + (ProbabilitySize * (token.LogProbabilities?.Length ?? 0));
            if (token.PromptScores is { } scores)
                size += (2 * sizeof(int)) + (scores.Length == 0 ? 0 : ProbabilitySize * scores.Length * scores[0].Length);
        }

        return size;
    }

    internal static void Encode(IReadOnlyList<ReleasedToken> tokens, Span<byte> at)
    {
        foreach (var token in tokens)
        {
            BitConverter.TryWriteBytes(at, token.Request);
            BitConverter.TryWriteBytes(at[8..], token.Owner);
            BitConverter.TryWriteBytes(at[12..], token.Position);
            BitConverter.TryWriteBytes(at[16..], token.Token);
            at[20] = (byte)((byte)token.Finish | (token.PromptScores is null ? 0 : HasPromptScores));
            at[21] = (byte)(token.LogProbabilities?.Length ?? 0);
            at = Write(token.LogProbabilities, at[Size..]);
            if (token.PromptScores is not { } scores)
                continue;
            BitConverter.TryWriteBytes(at, scores.Length);
            BitConverter.TryWriteBytes(at[4..], scores.Length == 0 ? 0 : scores[0].Length); // the same for all
            at = at[8..];
            foreach (var score in scores)
                at = Write(score, at);
        }
    }

    /// <exception cref="FormatException">The last token is cut off.</exception>
    internal static IEnumerable<ReleasedToken> Decode(ReadOnlyMemory<byte> payload)
    {
        while (!payload.IsEmpty)
        {
            yield return DecodeFirst(payload.Span, out var used);
            payload = payload[used..];
        }
    }

    private static Span<byte> Write(ReadOnlySpan<TokenProbability> probabilities, Span<byte> at)
    {
        MemoryMarshal.AsBytes(probabilities).CopyTo(at);
        return at[(ProbabilitySize * probabilities.Length)..];
    }

    private static ReleasedToken DecodeFirst(ReadOnlySpan<byte> at, out int used)
    {
        used = at.Length < Size ? Size : Size + (ProbabilitySize * at[21]);
        if (at.Length < used)
            throw new FormatException($"a token of {used} bytes is cut off after {at.Length}");
        var (count, finish) = (at[21], at[20]);
        var token = new ReleasedToken(
            BitConverter.ToInt64(at), BitConverter.ToInt32(at[8..]), BitConverter.ToInt32(at[12..]), BitConverter.ToInt32(at[16..]), (FinishReason)(finish & ~HasPromptScores),
            count == 0 ? null : Read(at[Size..], count));
        return (finish & HasPromptScores) == 0 ? token : token with { PromptScores = ReadScores(at, ref used) };
    }

    private static TokenProbability[][] ReadScores(ReadOnlySpan<byte> at, ref int used)
    {
        if (at.Length - used < 8)
            throw new FormatException($"the scores of a prompt are cut off after {at.Length - used} bytes");
        var (count, each) = (BitConverter.ToInt32(at[used..]), BitConverter.ToInt32(at[(used + 4)..]));
        used += 8;
        if (count < 0 || each < 0 || (long)count * Math.Max(1, each) * ProbabilitySize > at.Length - used)
            throw new FormatException($"the scores of a prompt are {count} times {each}, and {at.Length - used} bytes are left");
        var scores = new TokenProbability[count][];
        for (var i = 0; i < count; i++, used += each * ProbabilitySize)
            scores[i] = Read(at[used..], each);
        return scores;
    }

    private static TokenProbability[] Read(ReadOnlySpan<byte> at, int count) => MemoryMarshal.Cast<byte, TokenProbability>(at[..(ProbabilitySize * count)]).ToArray();
}
