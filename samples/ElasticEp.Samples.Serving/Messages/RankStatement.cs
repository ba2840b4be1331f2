using System.Buffers.Binary;

namespace ElasticEp.Samples.Serving.Messages;

/// <summary>What room a rank has, as it states with each step's tokens.</summary>
/// <param name="Assigned">Number of the newest assignment of the receiver that is counted in it.</param>
/// <param name="FreePages">Pages of its cache that are free and that nothing which runs or waits needs for its tokens so far; negative when there are too few for that.</param>
/// <param name="FreeSequences">Sequences that can still run beside all that run or wait.</param>
/// <param name="WaitingTokens">Tokens of the requests that wait for room.</param>
/// <param name="PromptCost">Cost of all tokens that are to be computed until everything that it has generates.</param>
internal readonly record struct RankStatement(int Assigned, int FreePages, int FreeSequences, int WaitingTokens, double PromptCost)
{
    public const int Size = 24;

    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteInt32LittleEndian(bytes, Assigned);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[4..], FreePages);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[8..], FreeSequences);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[12..], WaitingTokens);
        BinaryPrimitives.WriteDoubleLittleEndian(bytes[16..], PromptCost);
    }

    /// <exception cref="FormatException">It is cut off, or a value cannot be.</exception>
    public static RankStatement Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < Size)
            throw new FormatException($"a statement of {bytes.Length} bytes");
        var statement = new RankStatement(
            BinaryPrimitives.ReadInt32LittleEndian(bytes), BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]), BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]),
            BinaryPrimitives.ReadInt32LittleEndian(bytes[12..]), BinaryPrimitives.ReadDoubleLittleEndian(bytes[16..]));
        return statement is { Assigned: >= 0, FreeSequences: >= 0, WaitingTokens: >= 0, PromptCost: >= 0 and < double.PositiveInfinity } ? statement : throw new FormatException($"{statement} cannot be");
    }
}
