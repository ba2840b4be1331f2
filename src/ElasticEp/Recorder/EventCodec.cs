using ElasticEp.Events;
using ElasticEp.Protocol;

namespace ElasticEp.Recorder;

/// <summary>Encodes events: one kind byte, then the fields that the kind has.</summary>
internal static class EventCodec
{
    public static void Write(WireWriter writer, in RankEvent e)
    {
        writer.Byte((byte)e.Kind);
        switch (e.Kind)
        {
            case StepEventKind.None:
                ControlEventCodec.Write(writer, e.Control!);
                break;
            case StepEventKind.DelegateReturned:
                WriteStep(writer, e);
                writer.Bool(e.Failure is not null);
                if (e.Failure is { } failure)
                {
                    var recorded = RecordedFailure.Of(failure);
                    writer.Text(recorded.Type);
                    writer.Text(recorded.Message);
                }

                writer.Bool(e.IsOwnFailure);
                break;
            case StepEventKind.FrameParked:
                WriteStep(writer, e);
                break;
            case StepEventKind.Wake:
                writer.Id(e.Peer);
                WriteStep(writer, e);
                break;
            case StepEventKind.StepEnd:
                writer.Id(e.Peer);
                WriteStep(writer, e);
                writer.Bool(e.HasWork);
                writer.Long(e.NextEpoch);
                writer.ULong(e.NextDigest);
                break;
            case StepEventKind.Tick:
                writer.Long(e.Lag.Ticks);
                break;
        }
    }

    /// <exception cref="ElasticEpException">It is damaged, or written by another release.</exception>
    public static RankEvent Read(ref WireReader reader) => (StepEventKind)reader.Byte() switch
    {
        StepEventKind.None => ControlEventCodec.Read(ref reader),
        StepEventKind.CallerWaits => RankEvent.CallerWaits,
        StepEventKind.CallerCancelled => RankEvent.CallerCancelled,
        StepEventKind.ExchangesEnded => RankEvent.ExchangesEnded,
        StepEventKind.DelegateReturned => RankEvent.DelegateReturned(reader.Long(), reader.Long(), reader.Bool() ? new RecordedFailure(reader.Text(), reader.Text()) : null, reader.Bool()),
        StepEventKind.WorkNotified => RankEvent.WorkNotified,
        StepEventKind.FrameParked => RankEvent.FrameParked(reader.Long(), reader.Long()),
        StepEventKind.StepEnd => RankEvent.StepEnd(reader.Id(), reader.Long(), reader.Long(), reader.Bool(), reader.Long(), reader.ULong()),
        StepEventKind.Wake => RankEvent.Wake(reader.Id(), reader.Long(), reader.Long()),
        StepEventKind.Tick => RankEvent.TickAfter(new TimeSpan(reader.Long())),
        StepEventKind.Pulse => RankEvent.Pulse,
        StepEventKind.DumpWanted => RankEvent.DumpWanted,
        var kind => throw WireReader.Malformed($"event {(byte)kind} is unknown"),
    };

    private static void WriteStep(WireWriter writer, in RankEvent e)
    {
        writer.Long(e.Epoch);
        writer.Long(e.Step);
    }
}
