using System.Collections.Immutable;
using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Steps;

namespace ElasticEp.Scaling;

/// <summary>
/// Leads transitions and recoveries from the rank that coordinates. Pure. Events change facts; <see cref="Advance"/> looks at the
/// facts and decides what is next, so that nothing depends on the order in which facts arrive. At most one write of the
/// record is under way, and nothing is decided before its outcome is known.
/// </summary>
internal sealed partial class CoordinatorCore(ElasticEpOptions options, MemberCore member, StepRules rules)
{
    private readonly Dictionary<int, GroupMember> _registered = [];
    private readonly Dictionary<int, long> _incarnations = [];
    private readonly Queue<(int From, OperationRequest Ask)> _waiting = [];
    private GroupRecord _record = GroupRecord.Unborn;
    private long _version;
    private GroupRecord? _intent;
    private WritePurpose _writing;
    private bool _isReading;
    private bool _isKnown;
    private bool _isWatching;
    private bool _isBirthOver;
    private long _settledEpoch;

    /// <summary>Whether this rank coordinates.</summary>
    public bool IsActive { get; private set; }

    public Operation? Operation { get; private set; }

    public Recovery? Recovery { get; private set; }

    public GroupRecord Record => _record;

    public TimeSpan? WakeAt => Operation is { CanAbort: true, AbortReason: null } operation && operation.Deadline < TimeSpan.MaxValue ? operation.Deadline : null;

    /// <summary>This rank takes over: it reads the record before it does anything.</summary>
    public void Activate(TimeSpan now, List<RankEffect> effects)
    {
        IsActive = true;
        _isKnown = false;
        Advance(now, effects);
    }

    /// <summary>Notes who has been a member: the same incarnation never joins again, however late its registration vanishes.</summary>
    public void Remember(GroupView view)
    {
        foreach (var known in view.Members)
        {
            _incarnations[known.Rank] = Math.Max(known.Incarnation, _incarnations.GetValueOrDefault(known.Rank));
            _registered.Remove(known.Rank);
        }
    }

    public void OnEntered(GroupView view, long step, TimeSpan now, List<RankEffect> effects)
    {
        Remember(view);
        StartJoiners(view, step, effects);
        if (view.StartStep > 0 && _record.View.Epoch < view.Epoch)
            Recovery = null; // somebody else has led one, and has written the record
        if (view.Coordinator == member.Rank && (!IsActive || _record.View.Epoch < view.Epoch))
            Activate(now, effects);
        else if (view.Coordinator != member.Rank && Recovery is null)
            StandDown();
    }

    /// <summary>The first step of a view begins here, this long after the last one of the view before was complete.</summary>
    public void OnFirstStep(TimeSpan pause)
    {
        if (Operation is { Stage: OperationPhase.Committed } operation)
            operation.Figures = operation.Figures with { Pause = pause > operation.Figures.Pause ? pause : operation.Figures.Pause };
    }

    public void OnSettled(GroupView view, TimeSpan now, List<RankEffect> effects)
    {
        _settledEpoch = view.Epoch;
        Advance(now, effects);
    }

    public void Handle(in RankEvent e, TimeSpan now, List<RankEffect> effects)
    {
        switch (e.Kind)
        {
            case RankEventKind.BirthWanted:
                IsActive = true;
                break;
            case RankEventKind.RecordRead:
                OnRecordRead((e.Payload as GroupRecord, e.Number), now, effects);
                break;
            case RankEventKind.RecordWritten:
                OnRecordWritten(e.Flag, e.Payload as GroupRecord, e.Number, now, effects);
                break;
            case RankEventKind.RecordUnknown or RankEventKind.RecordUnreadable:
                _isReading = false;
                _isKnown = false;
                break;
            case RankEventKind.RankRegistered when e.Payload is GroupMember registered && registered.Incarnation > _incarnations.GetValueOrDefault(e.Peer):
                _registered[e.Peer] = registered;
                ConnectJoiner(e.Peer, effects);
                break;
            case RankEventKind.RankUnregistered when _registered.Remove(e.Peer):
                AbortIfJoiner(e.Peer, "ended before it was admitted");
                break;
            case RankEventKind.LinkLost when _registered.TryGetValue(e.Peer, out var registered) && registered.Incarnation == e.Number:
                AbortIfJoiner(e.Peer, $"was lost before it was admitted: {e.Detail}");
                break;
            case RankEventKind.ConnectFailed when _registered.ContainsKey(e.Peer):
                AbortIfJoiner(e.Peer, $"cannot be reached: {e.Detail}");
                break;
            case RankEventKind.Planned:
                OnPlanned(e, now, effects);
                break;
            case RankEventKind.Tick when WakeAt <= now:
                Operation!.AbortReason = $"its deadline passed while it waited for {Describe()}";
                Operation.HasTimedOut = true;
                break;
        }

        Advance(now, effects);
    }

    public void OnMessage(int from, ProtocolMessage message, TimeSpan now, List<RankEffect> effects)
    {
        switch (message)
        {
            case OperationRequestMessage ask:
                OnAsk(from, ask.Request, now, effects);
                break;
            case CancelMessage cancel:
                OnCancel(from, cancel.Operation, effects);
                break;
            case PreparationMessage status:
                OnStatus(from, status, effects);
                break;
            case ExpertLoadMessage load:
                OnLoad(from, load, effects);
                break;
            case LaunchFailedMessage failed when Operation?.Id == failed.Operation:
                Operation.AbortReason ??= $"rank {failed.Rank} could not be launched: {failed.Reason}";
                break;
            case StepFailedMessage failed:
                OnStepFailed(from, failed, now, effects);
                break;
            case StoppedMessage stopped:
                OnStopped(from, stopped);
                break;
        }

        Advance(now, effects);
    }

    /// <summary>Decides what is next. Called after every event; does nothing while an answer is outstanding.</summary>
    private void Advance(TimeSpan now, List<RankEffect> effects)
    {
        if (!IsActive || _isReading || (_writing != WritePurpose.None && _isKnown))
            return;
        if (!_isKnown)
        {
            _isReading = true;
            effects.Add(new RankEffect(RankEffectKind.ReadRecord));
            return;
        }

        AdoptPending(now);
        if (Recovery is not null)
            AdvanceRecovery(effects);
        if (Recovery is null && _writing == WritePurpose.None)
            AdvanceOperation(now, effects);
    }

    private void Write(GroupRecord next, WritePurpose purpose, List<RankEffect> effects)
    {
        (_intent, _writing) = (next, purpose);
        effects.Add(new RankEffect(RankEffectKind.WriteRecord) { Number = _version, Payload = next });
    }

    private void OnRecordRead((GroupRecord? Record, long Version) read, TimeSpan now, List<RankEffect> effects)
    {
        _isReading = false;
        var epoch = read.Record?.View.Epoch ?? 0;
        if (!IsActive || read.Version < _version || epoch < member.View.Epoch)
            return; // an answer from before what is known already: it is read again
        _isKnown = true;
        if (_writing == WritePurpose.None)
        {
            if (read.Version != _version)
                Operation = null; // what is under way is what the record says
            (_record, _version) = (read.Record ?? GroupRecord.Unborn, read.Version);
            if (_record.View.Epoch > 0 && _record.View.Coordinator != member.Rank && Recovery is null)
                StandDown();
            return;
        }

        // The outcome of a write was unknown. Its version tells: unchanged means it never happened, so it is tried again.
        if (read.Version == _version)
            effects.Add(new RankEffect(RankEffectKind.WriteRecord) { Number = _version, Payload = _intent });
        else
            Settle(IsIntent(read.Record), read.Record, read.Version, now, effects);
    }

    private bool IsIntent(GroupRecord? record) =>
        record is not null && RecordCodec.Encode(record).Span.SequenceEqual(RecordCodec.Encode(_intent!).Span);

    private void OnRecordWritten(bool isSet, GroupRecord? current, long version, TimeSpan now, List<RankEffect> effects)
    {
        if (!IsActive || _writing == WritePurpose.None)
            return;
        Settle(isSet || IsIntent(current), isSet ? _intent : current, version, now, effects);
    }

    private void Settle(bool isSet, GroupRecord? current, long version, TimeSpan now, List<RankEffect> effects)
    {
        var purpose = _writing;
        (_record, _version, _writing, _intent) = (current ?? GroupRecord.Unborn, version, WritePurpose.None, null);
        if (!isSet)
        {
            // Somebody else has written. Whether this rank still leads, and what, is in the record.
            (Operation, _isKnown) = (null, false);
            if (Recovery is { } recovery)
                Recovery = new Recovery(++_recoveries) { Reason = recovery.Reason };
            return;
        }

        switch (purpose)
        {
            case WritePurpose.Propose:
                OnProposed(now, effects);
                break;
            case WritePurpose.Commit:
                OnCommitted(now, effects);
                break;
            case WritePurpose.Finish:
                OnFinished(effects);
                break;
            case WritePurpose.Recover when Recovery is not null: // otherwise another proposer wrote the very same, and has started it
                OnRecovered(now, effects);
                break;
        }
    }

    private void StandDown()
    {
        IsActive = false;
        _isKnown = _isReading = false;
        (_writing, _intent, Operation, Recovery) = (WritePurpose.None, null, null, null);
        _waiting.Clear();
        _load.Clear();
        _hasToldLoad.Clear();
    }

    private static ImmutableArray<int> RanksOf(GroupView view) => [.. view.Members.Select(other => other.Rank)];
}
