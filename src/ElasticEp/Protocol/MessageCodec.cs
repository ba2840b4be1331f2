using ElasticEp.Placement;

namespace ElasticEp.Protocol;

/// <summary>Encodes protocol messages: an envelope, one kind byte, then the fields. Everything read is checked.</summary>
internal static class MessageCodec
{
    private const byte RequestKind = 10;
    private const byte CancelKind = 12;
    private const byte LaunchFailedKind = 14;
    private const byte ProcessEndedKind = 21;

    private const long MostBytes = 1L << 50; // that a rank reports: sums over all ranks stay numbers

    public static ReadOnlyMemory<byte> Encode(ProtocolMessage message) => Envelope.Write(ProtocolVersion.Current, writer => Write(writer, message));

    /// <summary>The same bytes in pieces, in order: all messages with a view share its encoding.</summary>
    public static ReadOnlyMemory<byte>[] EncodePieces(ProtocolMessage message) => Envelope.WritePieces(ProtocolVersion.Current, writer => Write(writer, message));

    private static void Write(WireWriter writer, ProtocolMessage message)
    {
        switch (message)
        {
            case StepFailedMessage m:
                writer.Byte(1);
                writer.Long(m.Epoch);
                writer.Long(m.Step);
                writer.Bool(m.Lost is not null);
                writer.Id(m.Lost ?? default);
                writer.Text(m.Reason);
                break;
            case StopMessage m:
                writer.Byte(2);
                writer.Long(m.Epoch);
                writer.Long(m.Recovery);
                break;
            case StoppedMessage m:
                writer.Byte(3);
                writer.Long(m.Recovery);
                writer.Long(m.Entered);
                writer.Long(m.Closed ?? -1);
                writer.Long(m.ClosedEpoch);
                writer.Ids(m.Connected);
                writer.Ids(m.Alive);
                break;
            case StartMessage m:
                writer.Byte(4);
                ViewCodec.Write(writer, m.View);
                writer.Long(m.Step);
                writer.Text(m.Operation);
                writer.Int(m.CommittedViews);
                RecordCodec.WriteRanks(writer, m.Reloading);
                break;
            case PrepareMessage m:
                writer.Byte(5);
                WritePrepare(writer, m);
                break;
            case DrainMessage m:
                writer.Byte(6);
                writer.Text(m.Operation);
                break;
            case PreparationMessage m:
                writer.Byte(7);
                writer.Text(m.Operation);
                writer.Byte((byte)m.State);
                writer.ULong(m.Digest);
                writer.Long(m.BytesMoved);
                writer.Long(m.BytesTotal);
                writer.Text(m.Failure);
                writer.Byte((byte)m.Refusal);
                break;
            case AbortMessage m:
                writer.Byte(8);
                writer.Text(m.Operation);
                writer.Text(m.Reason);
                break;
            case CompletedMessage m:
                writer.Byte(9);
                writer.Long(m.Epoch);
                break;
            case OperationRequestMessage m:
                writer.Byte(RequestKind);
                RequestCodec.Write(writer, m.Request);
                break;
            case OperationReplyMessage m:
                writer.Byte(11);
                writer.Text(m.Operation);
                writer.Long(m.Call);
                writer.Int(m.Code);
                writer.Text(m.Detail);
                break;
            case CancelMessage m:
                writer.Byte(CancelKind);
                writer.Text(m.Operation);
                writer.Long(m.Call);
                break;
            case ProgressMessage m:
                writer.Byte(13);
                writer.Text(m.Progress.OperationId);
                writer.Byte((byte)m.Progress.Phase);
                writer.Long(m.Progress.BytesMoved);
                writer.Long(m.Progress.BytesTotal);
                writer.Text(m.Progress.Detail);
                break;
            case LaunchFailedMessage m:
                writer.Byte(LaunchFailedKind);
                writer.Text(m.Operation);
                writer.Int(m.Rank);
                writer.Text(m.Reason);
                break;
            case WeightRequestMessage m:
                writer.Byte(15);
                writer.Bytes(m.Request.Span);
                break;
            case ExpertLoadMessage m:
                writer.Byte(16);
                writer.Long(m.Step);
                WriteCounts(writer, m.Pairs.Span);
                break;
            case ExpertLoadRequestMessage m:
                writer.Byte(17);
                writer.Text(m.Operation);
                break;
            case ProbeMessage m:
                writer.Byte(18);
                writer.Id(m.About);
                break;
            case ProbeReplyMessage m:
                writer.Byte(19);
                writer.Id(m.About);
                writer.Bool(m.IsAlive);
                break;
            case LoadedMessage m:
                writer.Byte(20);
                writer.Long(m.Epoch);
                break;
            case ProcessEndedMessage m:
                writer.Byte(ProcessEndedKind);
                writer.Id(m.Process);
                writer.Text(m.How);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(message), message, "Unknown message.");
        }
    }

    /// <param name="bytes">The message.</param>
    /// <param name="isFromRank">Whether a rank has sent it: a client may send requests, cancels and what its launcher has seen only, and nothing else of it is read.</param>
    /// <exception cref="ElasticEpException">It is damaged, of a version that this process does not read, or not for its sender to send.</exception>
    public static ProtocolMessage Decode(ReadOnlySpan<byte> bytes, bool isFromRank = true)
    {
        var reader = Envelope.Open(bytes, "A message");
        var messageKind = reader.Byte();
        if (!isFromRank && messageKind is not (RequestKind or CancelKind or LaunchFailedKind or ProcessEndedKind))
            throw WireReader.Malformed($"a client sent kind {messageKind}, which only ranks may send");
        ProtocolMessage message = messageKind switch
        {
            1 => new StepFailedMessage(reader.Long(), reader.Long(), ReadLost(ref reader), reader.Text()),
            2 => new StopMessage(reader.Long(), reader.Long()),
            3 => new StoppedMessage(reader.Long(), reader.Long(), reader.Long() is var closed and >= 0 ? closed : null, reader.Long(), [.. reader.Ids()], [.. reader.Ids()]),
            4 => new StartMessage(ViewCodec.Read(ref reader), reader.Long(), reader.Text(), reader.Int()) { Reloading = RecordCodec.ReadRanks(ref reader) },
            5 => ReadPrepare(ref reader),
            6 => new DrainMessage(reader.Text()),
            7 => new PreparationMessage(reader.Text(), (PreparationState)reader.Below(3), reader.ULong(), ReadAmount(ref reader), ReadAmount(ref reader), reader.Text())
            {
                Refusal = (PreparationRefusal)reader.Below(2),
            },
            8 => new AbortMessage(reader.Text(), reader.Text()),
            9 => new CompletedMessage(reader.Long()),
            RequestKind => new OperationRequestMessage(RequestCodec.Read(ref reader)),
            11 => new OperationReplyMessage(reader.Text(), reader.Long(), reader.Int(), reader.Text()),
            CancelKind => new CancelMessage(reader.Text(), reader.Long()),
            13 => new ProgressMessage(new ScaleProgress(reader.Text(), (ScalePhase)reader.Below(6), reader.Long(), reader.Long(), reader.Text())),
            LaunchFailedKind => new LaunchFailedMessage(reader.Text(), reader.Int(), reader.Text()),
            15 => new WeightRequestMessage(reader.Bytes()),
            16 => new ExpertLoadMessage(reader.Long(), ReadCounts(ref reader)),
            17 => new ExpertLoadRequestMessage(reader.Text()),
            18 => new ProbeMessage(reader.Id()),
            19 => new ProbeReplyMessage(reader.Id(), reader.Bool()),
            20 => new LoadedMessage(reader.Long()),
            ProcessEndedKind => new ProcessEndedMessage(reader.Id(), reader.Text()),
            var kind => throw WireReader.Malformed($"kind {kind} is unknown"),
        };
        Envelope.End(bytes[0], reader);
        return message;
    }

    private static long ReadAmount(ref WireReader reader)
    {
        var bytes = reader.Long();
        return bytes is >= 0 and <= MostBytes ? bytes : throw WireReader.Malformed($"{bytes} bytes of weights");
    }

    private static MemberId? ReadLost(ref WireReader reader)
    {
        var (isNamed, id) = (reader.Bool(), reader.Id());
        return isNamed ? id : null;
    }

    private static void WritePrepare(WireWriter writer, PrepareMessage message)
    {
        writer.Text(message.Operation);
        writer.Int(message.PlanView);
        writer.Bool(message.Base.Whole is not null);
        if (message.Base.Whole is { } whole)
        {
            ViewCodec.Write(writer, whole);
        }
        else
        {
            writer.Long(message.Base.Epoch);
            writer.ULong(message.Base.Digest);
        }

        ViewCodec.Write(writer, message.Next);
        WriteTransfers(writer, message.Transfers);
        writer.Long(message.DrainTime.Ticks);
    }

    public static void WriteTransfers(WireWriter writer, IReadOnlyList<ExpertTransfer> transfers)
    {
        writer.Int(transfers.Count);
        foreach (var transfer in transfers)
        {
            writer.Int(transfer.Layer);
            writer.Int(transfer.Expert);
            writer.Int(transfer.Source);
            writer.Int(transfer.Destination);
            writer.Int(transfer.Slot);
        }
    }

    private static PrepareMessage ReadPrepare(ref WireReader reader)
    {
        var operation = reader.Text();
        var planView = reader.Int();
        var current = reader.Bool() ? BaseView.Of(ViewCodec.Read(ref reader)) : new BaseView(reader.Long(), reader.ULong(), null);
        return new PrepareMessage(operation, planView, current, ViewCodec.Read(ref reader), [.. ReadTransfers(ref reader)], reader.Time());
    }

    public static ExpertTransfer[] ReadTransfers(ref WireReader reader)
    {
        var transfers = new ExpertTransfer[reader.Count(20)];
        for (var i = 0; i < transfers.Length; i++)
            transfers[i] = new ExpertTransfer(reader.Int(), reader.Int(), reader.Int(), reader.Int(), reader.Int());
        return transfers;
    }

    private static void WriteCounts(WireWriter writer, ReadOnlySpan<long> counts)
    {
        writer.Int(counts.Length);
        foreach (var count in counts)
            writer.VariableLong(count);
    }

    private static long[] ReadCounts(ref WireReader reader)
    {
        var counts = new long[reader.Count(1)];
        for (var i = 0; i < counts.Length; i++)
            counts[i] = reader.VariableLong();
        return counts;
    }
}
