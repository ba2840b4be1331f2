using System.Runtime.InteropServices;

namespace ElasticEp.Exchange.Cpu;

/// <summary>
/// What returns in the place of an expert's output when the expert is not here: a row that begins with a pattern of NaNs, in either row
/// type, that no arithmetic brings about, so that it needs no place on the wire.
/// </summary>
internal static class MissingRow
{
    private const ulong First = 0x7FCE_7FDA_7FC5_7FE1; // as four bf16 and as two float32: each a NaN with a payload of its own
    private const ulong Second = 0x7FD3_7FC9_7FE6_7FDC;

    /// <summary>Marks a row; it has at least 16 bytes.</summary>
    public static void Mark(Span<byte> row)
    {
        row.Clear();
        var words = MemoryMarshal.Cast<byte, ulong>(row);
        (words[0], words[1]) = (First, Second);
    }

    public static bool IsMarked(ReadOnlySpan<byte> row)
    {
        var words = MemoryMarshal.Cast<byte, ulong>(row);
        return words[0] == First && words[1] == Second;
    }
}
