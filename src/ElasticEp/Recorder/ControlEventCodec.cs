using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Transport;

namespace ElasticEp.Recorder;

/// <summary>Encodes control events: one kind byte, then the fields. Messages, records and members are encoded as everywhere. Kinds are in dumps: append only.</summary>
internal static class ControlEventCodec
{
    private const int DisconnectReasons = 4;
    private const int DialResults = 5;
    private const int LossReasons = 10;

    public static void Write(WireWriter writer, ControlEvent control)
    {
        switch (control)
        {
            case BirthRequested e:
                writer.Byte(1);
                writer.Long(e.Patience.Ticks);
                break;
            case MessageReceived e:
                writer.Byte(2);
                WriteMessage(writer, e.From, e.Message);
                break;
            case RequestMade e:
                writer.Byte(3);
                WriteMessage(writer, e.Coordinator, e.Message);
                break;
            case LinkUp e:
                writer.Byte(4);
                writer.Id(e.Peer);
                break;
            case LinkLost e:
                writer.Byte(5);
                WriteLoss(writer, e.Peer, (byte)e.Reason, e.Detail);
                break;
            case DialEnded e:
                writer.Byte(6);
                WriteLoss(writer, e.Peer, (byte)e.Result, e.Detail);
                break;
            case BeatReceived e:
                writer.Byte(7);
                writer.Id(e.Peer);
                writer.Long(e.Lag.Ticks);
                break;
            case PeerLost e:
                writer.Byte(8);
                WriteLoss(writer, e.Peer, (byte)e.Reason, e.Detail);
                break;
            case RecordSeen e:
                writer.Byte(9);
                WriteRecord(writer, e.Record);
                writer.Long(e.Version);
                break;
            case RecordRead e:
                writer.Byte(10);
                writer.Long(e.Stamp);
                WriteRecord(writer, e.Record);
                writer.Long(e.Version);
                break;
            case RecordWritten e:
                writer.Byte(11);
                writer.Long(e.Stamp);
                writer.Bool(e.IsSet);
                WriteRecord(writer, e.Current);
                writer.Long(e.Version);
                break;
            case RecordUnknown e:
                writer.Byte(12);
                writer.Long(e.Stamp);
                break;
            case RecordUnreadable e:
                writer.Byte(13);
                writer.Long(e.Stamp);
                writer.Text(e.Reason);
                break;
            case RegistrationLost:
                writer.Byte(14);
                break;
            case StoreIsBack:
                writer.Byte(15);
                break;
            case RankRegistered e:
                writer.Byte(16);
                MemberCodec.Write(writer, e.Member);
                writer.Bool(e.ProcessId is not null);
                writer.Int(e.ProcessId ?? 0);
                writer.Long(e.Epoch);
                writer.Bool(e.Standby is not null);
                e.Standby?.Write(writer);
                break;
            case RankUnregistered e:
                writer.Byte(17);
                writer.Id(e.Member);
                break;
            case Planned e:
                writer.Byte(18);
                writer.Text(e.Operation);
                writer.Long(e.BaseEpoch);
                PlanCodec.Write(writer, e.Plan);
                writer.Long(e.BytesLowerBound);
                writer.Text(e.Failure);
                break;
            case Fetched e:
                writer.Byte(19);
                writer.Text(e.Operation);
                writer.ULong(e.View);
                break;
            case FetchFailed e:
                writer.Byte(20);
                writer.Text(e.Operation);
                writer.ULong(e.View);
                writer.Text(e.Reason);
                break;
            case FetchProgress e:
                writer.Byte(21);
                writer.Text(e.Operation);
                writer.ULong(e.View);
                writer.Long(e.BytesArrived);
                writer.Long(e.BytesTotal);
                break;
            case Reloaded e:
                writer.Byte(22);
                writer.Long(e.Epoch);
                break;
            case ReloadProgress e:
                writer.Byte(23);
                writer.Long(e.Epoch);
                writer.Int(e.Loaded);
                break;
            case ReloadFailed e:
                writer.Byte(24);
                writer.Long(e.Epoch);
                writer.Text(e.Reason);
                break;
            case Drained e:
                writer.Byte(25);
                writer.Text(e.Operation);
                break;
            case DrainFailed e:
                writer.Byte(26);
                writer.Text(e.Operation);
                writer.Text(e.Reason);
                break;
            case HookEntered e:
                writer.Byte(27);
                writer.Text(e.Hook);
                break;
            case HookReturned:
                writer.Byte(28);
                break;
            case RolledBack e:
                writer.Byte(29);
                writer.Text(e.Operation);
                break;
            case RollbackFailed e:
                writer.Byte(30);
                writer.Text(e.Reason);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(control), control, "Unknown event.");
        }
    }

    public static ControlEvent Read(ref WireReader reader) => reader.Byte() switch
    {
        1 => new BirthRequested(new TimeSpan(reader.Long())),
        2 => new MessageReceived(reader.Id(), ReadMessage(ref reader)),
        3 => new RequestMade(reader.Id(), ReadMessage(ref reader)),
        4 => new LinkUp(reader.Id()),
        5 => new LinkLost(reader.Id(), (DisconnectReason)reader.Below(DisconnectReasons), reader.Text()),
        6 => new DialEnded(reader.Id(), (DialResult)reader.Below(DialResults), reader.Text()),
        7 => new BeatReceived(reader.Id(), new TimeSpan(reader.Long())),
        8 => new PeerLost(reader.Id(), (LossReason)reader.Below(LossReasons), reader.Text()),
        9 => new RecordSeen(ReadRecord(ref reader) ?? throw WireReader.Malformed("a record was seen, and is not there"), reader.Long()),
        10 => new RecordRead(reader.Long(), ReadRecord(ref reader), reader.Long()),
        11 => new RecordWritten(reader.Long(), reader.Bool(), ReadRecord(ref reader), reader.Long()),
        12 => new RecordUnknown(reader.Long()),
        13 => new RecordUnreadable(reader.Long(), reader.Text()),
        14 => new RegistrationLost(),
        15 => new StoreIsBack(),
        16 => ReadRegistration(ref reader),
        17 => new RankUnregistered(reader.Id()),
        18 => new Planned(reader.Text(), reader.Long(), PlanCodec.Read(ref reader), reader.Long(), reader.Text()),
        19 => new Fetched(reader.Text(), reader.ULong()),
        20 => new FetchFailed(reader.Text(), reader.ULong(), reader.Text()),
        21 => new FetchProgress(reader.Text(), reader.ULong(), reader.Long(), reader.Long()),
        22 => new Reloaded(reader.Long()),
        23 => new ReloadProgress(reader.Long(), reader.Int()),
        24 => new ReloadFailed(reader.Long(), reader.Text()),
        25 => new Drained(reader.Text()),
        26 => new DrainFailed(reader.Text(), reader.Text()),
        27 => new HookEntered(reader.Text()),
        28 => new HookReturned(),
        29 => new RolledBack(reader.Text()),
        30 => new RollbackFailed(reader.Text()),
        var kind => throw WireReader.Malformed($"control event {kind} is unknown"),
    };

    private static void WriteMessage(WireWriter writer, MemberId peer, ProtocolMessage message)
    {
        writer.Id(peer);
        writer.Bytes(MessageCodec.Encode(message).Span);
    }

    private static ProtocolMessage ReadMessage(ref WireReader reader) => MessageCodec.Decode(reader.Bytes());

    private static void WriteLoss(WireWriter writer, MemberId peer, byte reason, string detail)
    {
        writer.Id(peer);
        writer.Byte(reason);
        writer.Text(detail);
    }

    private static void WriteRecord(WireWriter writer, GroupRecord? record)
    {
        writer.Bool(record is not null);
        if (record is not null)
            writer.Bytes(RecordCodec.Encode(record).Span);
    }

    private static GroupRecord? ReadRecord(ref WireReader reader) => reader.Bool() ? RecordCodec.Decode(reader.Bytes()) : null;

    private static RankRegistered ReadRegistration(ref WireReader reader)
    {
        var registered = new RankRegistered(MemberCodec.Read(ref reader), ReadProcessId(ref reader), reader.Long());
        return reader.Bool() ? registered with { Standby = StandbyState.Read(registered.Member.Rank, ref reader) } : registered;
    }

    private static int? ReadProcessId(ref WireReader reader)
    {
        var (isKnown, id) = (reader.Bool(), reader.Int());
        return isKnown ? id : null;
    }
}
