using System.Collections.Immutable;

namespace ElasticEp.Protocol;

/// <summary>Encodes the group record and its parts.</summary>
internal static class RecordCodec
{
    /// <param name="record">The record.</param>
    /// <param name="current">The latest version that this process writes.</param>
    public static ReadOnlyMemory<byte> Encode(GroupRecord record, byte current = ProtocolVersion.Current) => Envelope.Write(VersionFor(record, current), writer => Write(writer, record));

    private static void Write(WireWriter writer, GroupRecord record)
    {
        ViewCodec.Write(writer, record.View);
        writer.Bool(record.LastCompleted is not null);
        if (record.LastCompleted is { } completed)
            ViewCodec.Write(writer, completed);
        writer.Ids(record.Evicted);
        writer.Long(record.CommitStep);
        writer.Bool(record.Pending is not null);
        if (record.Pending is { } pending)
            WritePending(writer, pending);
        WriteLog(writer, record.Requested);
        WriteLog(writer, record.Own);
        WriteRanks(writer, record.Reloading);
        writer.Int(record.Wanted);
        writer.Bool(record.IsDamaged);
    }

    /// <exception cref="ElasticEpException">It is damaged, or of a version that this process does not read.</exception>
    public static GroupRecord Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = Envelope.Open(bytes, "The group's record");
        var view = ViewCodec.Read(ref reader);
        var completed = reader.Bool() ? ViewCodec.Read(ref reader) : null;
        ImmutableArray<MemberId> evicted = [.. reader.Ids()];
        var commitStep = reader.Long();
        var pending = reader.Bool() ? ReadPending(ref reader) : null;
        var record = new GroupRecord(view, completed, pending)
        {
            Evicted = evicted,
            CommitStep = commitStep,
            Requested = ReadLog(ref reader),
            Own = ReadLog(ref reader),
            Reloading = ReadRanks(ref reader),
            Wanted = reader.Int(),
            IsDamaged = reader.Bool(),
        };
        Envelope.End(bytes[0], reader);
        return record;
    }

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

    /// <summary>The latest version that everybody reads who may have to.</summary>
    private static byte VersionFor(GroupRecord record, byte current) => record.View.Members
        .Concat(record.Leavers)
        .Aggregate(current, (version, member) => Math.Min(version, member.ReadsVersion));

    private static void WriteLog(WireWriter writer, OutcomeLog log)
    {
        writer.Long(log.Count);
        writer.Int(log.Kept.Length);
        foreach (var outcome in log.Kept)
            WriteOutcome(writer, outcome);
    }

    private static OutcomeLog ReadLog(ref WireReader reader)
    {
        var count = reader.Long();
        var kept = new OperationOutcome[reader.Count(10)];
        for (var i = 0; i < kept.Length; i++)
            kept[i] = ReadOutcome(ref reader);
        return new OutcomeLog([.. kept], count);
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

    private static void WritePending(WireWriter writer, PendingOperation pending)
    {
        RequestCodec.Write(writer, pending.Request);
        WriteRanks(writer, pending.Target);
        WriteRanks(writer, pending.Joiners);
        WriteRanks(writer, pending.Leavers);
        writer.Bool(pending.IsCommitted);
        writer.Int(pending.CommittedViews);
        writer.Int(pending.PlannedViews);
        WriteFigures(writer, pending.Figures);
    }

    private static PendingOperation ReadPending(ref WireReader reader) => new(RequestCodec.Read(ref reader), ReadRanks(ref reader), ReadRanks(ref reader), ReadRanks(ref reader))
    {
        IsCommitted = reader.Bool(),
        CommittedViews = reader.Int(),
        PlannedViews = reader.Int(),
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
