using ElasticEp.Events;
using ElasticEp.Protocol;

namespace ElasticEp.Runtime;

/// <summary>Which cores learn of an event or a message, and in which order.</summary>
internal sealed partial class RankCore
{
    private void Dispatch(ControlEvent e, TimeSpan now)
    {
        switch (e)
        {
            case MessageReceived received:
                Deliver(received.From, received.Message, now);
                break;
            case RequestMade request:
                _effects.Add(RankEffect.Send(request.Coordinator, request.Message));
                break;
            case LinkUp up:
                Peers.OnUp(up.Peer, now);
                Member.OnLinkUp(up.Peer, _effects);
                Member.ReportIfAbandoned(_seen, _effects);
                Preparation.Handle(e, now, _effects);
                Coordinator.Handle(e, now, _effects);
                break;
            case LinkLost lost when Peers.OnDown(lost, now, _effects):
                Member.OnLinkLost(lost, now, _effects);
                Preparation.Handle(e, now, _effects);
                Coordinator.Handle(e, now, _effects);
                break;
            case DialEnded dial:
                Peers.OnDialEnded(dial, now, _effects);
                break;
            case BeatReceived beat:
                Peers.OnBeat(beat.Peer, beat.Lag, now);
                break;
            case RecordSeen seen when seen.Record.View.Epoch >= Member.View.Epoch: // else a later one is on its way, or the store has lost it
                Coordinator.OnRecordSeen(seen.Record, seen.Version, now, _effects);
                Preparation.OnRecordSeen(seen.Record, now, _effects);
                Standby.OnRecordSeen(seen.Record);
                OnRecordSeen(seen.Record);
                break;
            case RecordUnreadable unreadable when Member.View.Epoch == 0:
                _effects.Add(new Fail($"The group's record cannot be read: {unreadable.Reason}"));
                break;
            case RollbackFailed failed:
                _effects.Add(new Fail($"An operation could not be rolled back, and the weights of this rank cannot be trusted any more: {failed.Reason}"));
                break;
            case Reloaded or ReloadFailed or ReloadProgress:
                Reloading.Handle(e, now, _effects);
                break;
            case HookEntered or HookReturned:
                Reloading.Handle(e, now, _effects);
                Preparation.Handle(e, now, _effects);
                Standby.Handle(e, now, _effects);
                break;
            case Fetched or FetchFailed or FetchProgress or Drained or DrainFailed or RolledBack:
                Preparation.Handle(e, now, _effects);
                Standby.Handle(e, now, _effects);
                break;
            case BirthRequested or RecordRead or RecordWritten or RecordUnknown or RecordUnreadable or RegistrationLost or StoreIsBack or RankRegistered or RankUnregistered or Planned:
                Coordinator.Handle(e, now, _effects);
                break;
        }
    }

    private void Deliver(MemberId from, ProtocolMessage message, TimeSpan now)
    {
        switch (message)
        {
            case StopMessage stop:
                Member.OnStop(from, stop, now, _effects);
                break;
            case StartMessage start:
                Member.OnStart(start, _effects);
                break;
            case PrepareMessage prepare:
                if (prepare.Base.Whole is { } whole)
                    Coordinator.Remember(whole);
                Preparation.OnPrepare(from, prepare, now, _effects);
                break;
            case ExpertLoadRequestMessage:
                _effects.Add(new ReportExpertLoad(from, Member.LastCompleted));
                break;
            case DrainMessage drain:
                Preparation.OnDrain(from, drain, _effects);
                break;
            case AbortMessage abort:
                Preparation.OnAbort(abort, now, _effects);
                break;
            case CompletedMessage completed:
                Preparation.OnCompleted(completed, _effects);
                break;
            case LoadedMessage loaded:
                Member.OnLoaded(from, loaded.Epoch, _effects);
                break;
            case ProbeMessage probe:
                Peers.OnProbe(from, probe, now, _effects);
                break;
            case ProcessEndedMessage ended:
                Peers.Report(ended.Process, LossReason.Ended, ended.How, now);
                break;
            case ProbeReplyMessage heard:
                Peers.OnProbeReply(heard, now);
                break;
            case OperationReplyMessage or ProgressMessage:
                _effects.Add(new DeliverReply(from, message));
                break;
            default:
                Coordinator.OnMessage(from, message, now, _effects);
                break;
        }
    }
}
