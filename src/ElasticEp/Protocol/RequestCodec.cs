using System.Collections.Immutable;

namespace ElasticEp.Protocol;

/// <summary>Encodes requests for operations: in messages and in the record. Durations travel, never points in time.</summary>
internal static class RequestCodec
{
    private const int Kinds = 5;

    public static void Write(WireWriter writer, OperationRequest request)
    {
        writer.Text(request.Id);
        writer.Byte((byte)request.Kind);
        writer.Long(request.Call);
        writer.Long(request.EndedBefore);
        writer.Int(request.Size ?? -1);
        WriteRanks(writer, request.Ranks);
        WriteRanks(writer, request.Remove);
        writer.Bool(request.Leaver is not null);
        if (request.Leaver is { } leaver)
            writer.Id(leaver);
        WriteTime(writer, request.Deadline);
        WriteTime(writer, request.DrainTime);
    }

    public static OperationRequest Read(ref WireReader reader)
    {
        var (id, kind, call, endedBefore, size) = (reader.Text(), (OperationKind)reader.Below(Kinds), reader.Long(), reader.Long(), reader.Int());
        var (ranks, remove) = (ReadRanks(ref reader), ReadRanks(ref reader));
        MemberId? leaver = reader.Bool() ? reader.Id() : null;
        return new OperationRequest(id, kind)
        {
            Call = call,
            EndedBefore = endedBefore,
            Size = size < 0 ? null : size,
            Ranks = ranks,
            Remove = remove,
            Leaver = leaver,
            Deadline = reader.OptionalTime(),
            DrainTime = reader.OptionalTime(),
        };
    }

    private static void WriteTime(WireWriter writer, TimeSpan? time)
    {
        writer.Bool(time is not null);
        if (time is { } given)
            writer.Long(given.Ticks);
    }

    private static void WriteRanks(WireWriter writer, ImmutableArray<int>? ranks)
    {
        writer.Bool(ranks is not null);
        if (ranks is { } given)
            RecordCodec.WriteRanks(writer, given);
    }

    private static ImmutableArray<int>? ReadRanks(ref WireReader reader)
    {
        if (!reader.Bool())
            return null;
        return RecordCodec.ReadRanks(ref reader);
    }
}
