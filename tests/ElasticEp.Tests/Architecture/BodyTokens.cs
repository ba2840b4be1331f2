using System.Buffers.Binary;
using System.Reflection;
using System.Reflection.Emit;

namespace ElasticEp.Tests.Architecture;

/// <summary>Metadata tokens of the types, methods and fields that the instructions of a method name (ECMA-335, partition III).</summary>
internal static class BodyTokens
{
    private const byte TwoBytes = 0xFE; // first byte of an instruction that has two

    private static readonly Dictionary<ushort, OpCode> Instructions = typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(field => (OpCode)field.GetValue(null)!)
        .ToDictionary(instruction => (ushort)instruction.Value);

    public static IEnumerable<int> In(byte[] body)
    {
        for (var at = 0; at < body.Length;)
        {
            var instruction = Instructions[body[at] == TwoBytes ? BinaryPrimitives.ReadUInt16BigEndian(body.AsSpan(at)) : body[at]];
            at += instruction.Size;
            if (instruction.OperandType is OperandType.InlineType or OperandType.InlineMethod or OperandType.InlineField or OperandType.InlineTok)
                yield return BinaryPrimitives.ReadInt32LittleEndian(body.AsSpan(at));
            at += OperandSize(instruction, body.AsSpan(at));
        }
    }

    private static int OperandSize(OpCode instruction, ReadOnlySpan<byte> operand) => instruction.OperandType switch
    {
        OperandType.InlineNone => 0,
        OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
        OperandType.InlineVar => 2,
        OperandType.InlineI8 or OperandType.InlineR => 8,
        OperandType.InlineSwitch => 4 + (4 * BinaryPrimitives.ReadInt32LittleEndian(operand)),
        _ => 4,
    };
}
