using System.Text;
using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Transport;

namespace ElasticEp.Runtime;

/// <summary>
/// Frames of the control link: what the fields of StepEnd, Wake and heartbeats mean, and memory for the metadata of the others, an array
/// each, which the message then owns.
/// </summary>
internal static class ControlFrames
{
    /// <summary>Most metadata of a control frame. A view of 1024 ranks with 61 layers of 2048 slots stays below it.</summary>
    public const int MaxPayload = 64 << 20;

    private const ushort HasWork = 1; // flag of a StepEnd
    private const int LongestTrouble = 500;

    public static FrameTarget Accept(in FrameHeader header)
    {
        if (header.MetadataLength > MaxPayload)
            throw new ElasticEpException(ElasticEpErrorCode.ProtocolViolation, $"A control frame of {header.MetadataLength} bytes is above the limit of {MaxPayload}.");
        if (header.RowsLength != 0)
            throw new ElasticEpException(ElasticEpErrorCode.ProtocolViolation, $"A control frame has {header.RowsLength} bytes of rows; it has metadata only.");
        return FrameTarget.Deliver(header.MetadataLength == 0 ? default : EpBuffer.From(new byte[header.MetadataLength]), default);
    }

    public static ReadOnlyMemory<byte> Take(EpBuffer metadata) => metadata.AsSpan<byte>().ToArray();

    /// <summary>The frame that tells the other members: a StepEnd, or a Wake.</summary>
    public static FrameHeader Of(in RankEffect effect) => new()
    {
        Operation = effect.Kind == StepEffectKind.SendWake ? FrameOperation.Wake : FrameOperation.StepEnd,
        Epoch = effect.View!.Epoch,
        Step = effect.Step,
        Flags = effect.HasWork ? HasWork : (ushort)0,
        Id = effect.NextEpoch,
        Checksum = effect.NextDigest,
    };

    /// <param name="epoch">Of the view in use.</param>
    /// <param name="step">The last that is complete.</param>
    /// <param name="activity">What the rank does.</param>
    /// <param name="lag">For how long it has handled nothing.</param>
    /// <param name="trouble">Why it gets no further; mostly empty, and so is the metadata then. For people alone.</param>
    public static (FrameHeader Header, ReadOnlyMemory<EpBuffer> Metadata) Beat(long epoch, long step, RankActivity activity, TimeSpan lag, string trouble)
    {
        var header = new FrameHeader { Operation = FrameOperation.Beat, Epoch = epoch, Step = step, Flags = (ushort)activity, Id = (long)lag.TotalMilliseconds };
        if (trouble.Length == 0)
            return (header, default);
        var text = Encoding.UTF8.GetBytes(trouble.Length <= LongestTrouble ? trouble : $"{trouble[..LongestTrouble]}…");
        return (header, new[] { EpBuffer.From(text.AsMemory()) });
    }

    /// <summary>What the metadata of a heartbeat says; empty for none.</summary>
    public static string TroubleOf(EpBuffer metadata) => metadata.IsEmpty ? "" : Encoding.UTF8.GetString(metadata.AsSpan<byte>()[..(int)Math.Min(metadata.ByteLength, 4 * (LongestTrouble + 1))]);

    /// <summary>For how long the sender of a heartbeat had handled nothing.</summary>
    public static TimeSpan LagOf(in FrameHeader beat) => TimeSpan.FromMilliseconds(Math.Clamp(beat.Id, 0, int.MaxValue));

    /// <summary>What a StepEnd, a Wake or a heartbeat means to the rank that gets it.</summary>
    public static RankEvent EventOf(MemberId peer, in FrameHeader header) => header.Operation switch
    {
        FrameOperation.StepEnd => RankEvent.StepEnd(peer, header.Epoch, header.Step, (header.Flags & HasWork) != 0, header.Id, header.Checksum),
        FrameOperation.Wake => RankEvent.Wake(peer, header.Epoch, header.Step),
        _ => new BeatReceived(peer, LagOf(header)),
    };
}
