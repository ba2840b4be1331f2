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

    internal static int SizeOf(IReadOnlyList<ReleasedToken> tokens)
    {
        var size = 0;
        foreach (var token in tokens)
            size += Size + (8 * token.LogProbabilities?.Length ?? 0);
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
            (at[20], at[21]) = ((byte)token.Finish, (byte)(token.LogProbabilities?.Length ?? 0));
            at = at[Size..];
            MemoryMarshal.AsBytes(token.LogProbabilities.AsSpan()).CopyTo(at);
            at = at[(8 * token.LogProbabilities?.Length ?? 0)..];
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

    private static ReleasedToken DecodeFirst(ReadOnlySpan<byte> at, out int used)
    {
        used = at.Length < Size ? Size : Size + (8 * at[21]);
        if (at.Length < used)
            throw new FormatException($"a token of {used} bytes is cut off after {at.Length}");
        var count = at[21];
        return new ReleasedToken(
            BitConverter.ToInt64(at), BitConverter.ToInt32(at[8..]), BitConverter.ToInt32(at[12..]), BitConverter.ToInt32(at[16..]), (FinishReason)at[20],
            count == 0 ? null : MemoryMarshal.Cast<byte, TokenProbability>(at.Slice(Size, 8 * count)).ToArray());
    }
}
