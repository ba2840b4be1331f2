using System.Collections.Immutable;

namespace ElasticEp.Protocol;

/// <summary>Encodes the group record and its parts.</summary>
internal static class RecordCodec
{
    private const byte Version = 3;

    public static ReadOnlyMemory<byte> Encode(GroupRecord record)
    {
        var writer = new WireWriter();
        writer.Byte(Version);
        ViewCodec.Write(writer, record.View);
        writer.Int(record.PreviousMembers.Length);
        foreach (var member in record.PreviousMembers)
            MemberCodec.Write(writer, member);
        writer.Bool(record.Pending is not null);
        if (record.Pending is { } pending)
            WritePending(writer, pending);
        writer.Bool(record.Last is not null);
        if (record.Last is { } last)
        {
            WriteOutcome(writer, last);
        }

        writer.Int(record.Ended.Length);
        foreach (var outcome in record.Ended)
            WriteOutcome(writer, outcome);
        return writer.Written;
    }

    public static GroupRecord Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = new WireReader(bytes);
        var version = reader.Byte();
        if (version != Version)
            throw new ElasticEpException(ElasticEpErrorCode.Incompatible, $"The group's record has format {version}, this process knows {Version}; run the same library version everywhere.");
        var view = ViewCodec.Read(ref reader);
        var previous = ImmutableArray.CreateBuilder<GroupMember>();
        for (var count = reader.Count(MemberCodec.LeastBytes); count > 0; count--)
            previous.Add(MemberCodec.Read(ref reader));
        var pending = reader.Bool() ? ReadPending(ref reader) : null;
        var last = reader.Bool() ? ReadOutcome(ref reader) : null;
        var ended = new OperationOutcome[reader.Count(10)];
        for (var i = 0; i < ended.Length; i++)
            ended[i] = ReadOutcome(ref reader);
        reader.End();
        return new GroupRecord(view, previous.ToImmutable(), pending, last) { Ended = [.. ended] };
    }

    private static void WriteOutcome(WireWriter writer, OperationOutcome outcome)
    {
        writer.Text(outcome.Id);
        writer.Bool(outcome.IsCompleted);
        writer.Text(outcome.Reason);
        WriteFigures(writer, outcome.Figures);
        writer.Bool(outcome.HasTimedOut);
    }

    private static OperationOutcome ReadOutcome(ref WireReader reader) => new(reader.Text(), reader.Bool(), reader.Text(), ReadFigures(ref reader), reader.Bool());

    public static void WriteRanks(WireWriter writer, ImmutableArray<int> ranks)
    {
        writer.Int(ranks.Length);
        foreach (var rank in ranks)
            writer.Int(rank);
    }

    public static ImmutableArray<int> ReadRanks(ref WireReader reader)
    {
        var ranks = new int[reader.Count(4)];
        for (var i = 0; i < ranks.Length; i++)
            ranks[i] = reader.Int();
        return [.. ranks];
    }

    private static void WritePending(WireWriter writer, PendingOperation pending)
    {
        writer.Text(pending.Id);
        writer.Byte((byte)pending.Kind);
        WriteRanks(writer, pending.Target);
        WriteRanks(writer, pending.Joiners);
        WriteRanks(writer, pending.Leavers);
        writer.Bool(pending.IsCommitted);
        writer.Int(pending.CommittedViews);
        WriteFigures(writer, pending.Figures);
    }

    private static PendingOperation ReadPending(ref WireReader reader) =>
        new(reader.Text(), (OperationKind)reader.Below(4), ReadRanks(ref reader), ReadRanks(ref reader), ReadRanks(ref reader))
        {
            IsCommitted = reader.Bool(),
            CommittedViews = reader.Int(),
            Figures = ReadFigures(ref reader),
        };

    private static void WriteFigures(WireWriter writer, OperationFigures figures)
    {
        writer.Long(figures.Launch.Ticks);
        writer.Long(figures.Transfer.Ticks);
        writer.Long(figures.Drain.Ticks);
        writer.Long(figures.Switch.Ticks);
        writer.Long(figures.Pause.Ticks);
        writer.Long(figures.BytesMoved);
        writer.Long(figures.BytesLowerBound);
    }

    private static OperationFigures ReadFigures(ref WireReader reader) => new()
    {
        Launch = new TimeSpan(reader.Long()),
        Transfer = new TimeSpan(reader.Long()),
        Drain = new TimeSpan(reader.Long()),
        Switch = new TimeSpan(reader.Long()),
        Pause = new TimeSpan(reader.Long()),
        BytesMoved = reader.Long(),
        BytesLowerBound = reader.Long(),
    };
}
