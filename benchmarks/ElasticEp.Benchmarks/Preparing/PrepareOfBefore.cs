using ElasticEp.Placement;
using ElasticEp.Protocol;

namespace ElasticEp.Benchmarks.Preparing;

/// <summary>How a Prepare was encoded up to version 9 of the protocol: both views whole, and anew for each participant.</summary>
internal static class PrepareOfBefore
{
    private const byte Version = 9;
    private const byte Kind = 5;

    public static ReadOnlyMemory<byte> Encode(PrepareMessage message, GroupView whole, ExpertTransfer[] transfers) => Envelope.Write(Version, writer =>
    {
        writer.Byte(Kind);
        writer.Text(message.Operation);
        writer.Int(message.PlanView);
        Write(writer, whole);
        Write(writer, message.Next);
        MessageCodec.WriteTransfers(writer, transfers);
        writer.Long(message.DrainTime.Ticks);
    });

    private static void Write(WireWriter writer, GroupView view)
    {
        writer.Share(ViewCodec.EncodeHead(view));
        ViewCodec.WritePlacement(writer, view.Placement);
    }
}
