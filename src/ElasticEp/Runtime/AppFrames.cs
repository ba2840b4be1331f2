using ElasticEp.Transport;

namespace ElasticEp.Runtime;

/// <summary>
/// The frames of the app's messages. A long one takes the weights link; a frame without a payload on the control link marks its place among
/// the others, so that order holds. When it does not get that far, a frame on the weights link says that its place stays empty.
/// </summary>
internal static class AppFrames
{
    /// <summary>Payloads above this are long.</summary>
    public const int LongestOnControlLink = 64 << 10;

    private const ushort Marks = 1; // on the control link: a long message belongs here
    private const ushort Revokes = 2; // on the weights link: it does not come

    public static bool IsMark(in FrameHeader header) => header.Flags == Marks;

    public static bool IsRevocation(in FrameHeader header) => header.Flags == Revokes;

    public static FrameHeader Message(int topic, long number = 0) => new() { Operation = FrameOperation.App, Id = topic, Offset = number };

    public static FrameHeader Mark(long number) => new() { Operation = FrameOperation.App, Flags = Marks, Offset = number };

    public static FrameHeader Revocation(long number) => new() { Operation = FrameOperation.App, Flags = Revokes, Offset = number };

    /// <summary>What is wrong with a frame on its link, or null.</summary>
    public static string? FindFault(LinkKind link, in FrameHeader header)
    {
        var (isMark, isRevocation) = (IsMark(header), IsRevocation(header));
        var isPlaced = link == LinkKind.Control ? !isRevocation && isMark == (header.Offset > 0) : !isMark && header.Offset > 0;
        return isPlaced && (header.MetadataLength == 0 || !(isMark || isRevocation))
            ? null
            : $"an app message of {header.MetadataLength} bytes with flags {header.Flags} and number {header.Offset} on its {link} link";
    }

    /// <summary>The number of a long message, which counts from 1; zero for none.</summary>
    public static long NumberOf(in FrameHeader header) => header.Offset;
}
