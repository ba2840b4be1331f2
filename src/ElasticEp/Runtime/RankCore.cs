using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Scaling;
using ElasticEp.Steps;

namespace ElasticEp.Runtime;

/// <summary>
/// All decisions of one rank: the step agreement, its part in transitions, and, when it coordinates, leading them. Pure:
/// (state, event, now) → (state, effects). A driver feeds it and starts its effects; the simulator does the same with no
/// thread, clock or network at all. Calls must not overlap.
/// </summary>
internal sealed class RankCore
{
    private readonly int _loadWindow;
    private readonly List<RankEffect> _effects = [];
    private readonly List<RankEffect> _output = [];
    private TimeSpan? _closedAt;
    private long _ranEpoch;

    public RankCore(ElasticEpOptions options, int rank, StepRules? rules = null)
    {
        rules ??= StepRules.Default;
        _loadWindow = options.LoadWindow;
        Member = new MemberCore(rank, options.StepDeadline, rules);
        Preparation = new PreparationCore(rank, Member, rules);
        Coordinator = new CoordinatorCore(options, Member, rules);
    }

    public MemberCore Member { get; }

    public PreparationCore Preparation { get; }

    public CoordinatorCore Coordinator { get; }

    /// <summary>When <see cref="RankEventKind.Tick"/> is wanted next, or null.</summary>
    public TimeSpan? WakeAt => Earlier(Member.WakeAt, Earlier(Preparation.WakeAt, Coordinator.WakeAt));

    /// <summary>Handles one event.</summary>
    /// <param name="e">The event.</param>
    /// <param name="now">Time since the rank started; never goes back.</param>
    /// <returns>What to start, in order; valid until the next call.</returns>
    public IReadOnlyList<RankEffect> Handle(in RankEvent e, TimeSpan now)
    {
        _output.Clear();
        _effects.Clear();
        Dispatch(e, now);
        for (var i = 0; i < _effects.Count; i++)
        {
            var effect = _effects[i];
            switch (effect.Kind)
            {
                case RankEffectKind.Send when effect.Peer == Member.Rank:
                    Deliver(Member.Rank, (ProtocolMessage)effect.Payload!, now);
                    continue;
                case RankEffectKind.EnterView:
                    var view = (GroupView)effect.Payload!;
                    Preparation.OnEntered(effect.Operation ?? "", effect.Number);
                    Coordinator.OnEntered(view, effect.Step, now, _effects);
                    break;
                case RankEffectKind.CloseStep:
                    _closedAt = now;
                    if (effect.Step % _loadWindow == 0 && Member.View.Coordinator >= 0)
                        _effects.Add(new RankEffect(RankEffectKind.ReportLoad) { Peer = Member.View.Coordinator, Step = effect.Step });
                    break;
                case RankEffectKind.RunDelegate when effect.Epoch != _ranEpoch:
                    if (_closedAt is { } closedAt)
                        Coordinator.OnFirstStep(now - closedAt);
                    _ranEpoch = effect.Epoch;
                    break;
                case RankEffectKind.SettleView:
                    Preparation.OnSettled(_effects);
                    Coordinator.OnSettled((GroupView)effect.Payload!, now, _effects);
                    break;
            }

            _output.Add(effect);
        }

        return _output;
    }

    private static TimeSpan? Earlier(TimeSpan? a, TimeSpan? b) => a is null || b < a ? b : a;

    private void Dispatch(in RankEvent e, TimeSpan now)
    {
        switch (e.Kind)
        {
            case RankEventKind.Message:
                Deliver(e.Peer, (ProtocolMessage)e.Payload!, now);
                break;
            case RankEventKind.Asked:
                _effects.Add(RankEffect.Send(e.Peer, (ProtocolMessage)e.Payload!));
                break;
            case RankEventKind.LinkUp:
                Member.Handle(e, now, _effects);
                Preparation.Handle(e, now, _effects);
                Coordinator.OnLinkUp(e.Peer, e.Number, now, _effects);
                break;
            case RankEventKind.LinkLost:
                Member.Handle(e, now, _effects);
                Preparation.Handle(e, now, _effects);
                Coordinator.Handle(e, now, _effects);
                break;
            case RankEventKind.RankLost when !IsAboutEarlierProcess(e):
                Coordinator.OnRankLost(e.Peer, now, _effects);
                Member.Handle(e, now, _effects);
                break;
            case RankEventKind.RankLost:
                break;
            case RankEventKind.ConnectFailed:
                Preparation.Handle(e, now, _effects);
                Coordinator.Handle(e, now, _effects);
                break;
            case RankEventKind.RecordSeen:
                Preparation.OnRecordSeen((GroupRecord)e.Payload!, now, _effects);
                OnRecordSeen((GroupRecord)e.Payload!);
                break;
            case RankEventKind.Tick:
                Member.Handle(e, now, _effects);
                Preparation.Handle(e, now, _effects);
                Coordinator.Handle(e, now, _effects);
                break;
            case RankEventKind.Loaded or RankEventKind.LoadFailed or RankEventKind.LoadProgress or RankEventKind.Drained or RankEventKind.DrainFailed
                or RankEventKind.HookEntered or RankEventKind.HookReturned or RankEventKind.RolledBack:
                Preparation.Handle(e, now, _effects);
                break;
            case RankEventKind.RecordUnreadable when Member.View.Epoch == 0:
                _effects.Add(new RankEffect(RankEffectKind.Fail) { Payload = $"The group's record cannot be read: {e.Detail}" });
                break;
            case RankEventKind.RecordUnreadable or RankEventKind.BirthWanted or RankEventKind.RecordRead or RankEventKind.RecordWritten or RankEventKind.RecordUnknown
                or RankEventKind.RankRegistered or RankEventKind.RankUnregistered or RankEventKind.Planned:
                Coordinator.Handle(e, now, _effects);
                break;
            default:
                Member.Handle(e, now, _effects);
                break;
        }
    }

    /// <summary>A loss takes time to be certain; by then another process may be the member of this number, or the same one may be back.</summary>
    private bool IsAboutEarlierProcess(in RankEvent lost) => Member.View.Find(lost.Peer) is { } known
        ? Member.IsConnected(known) || (lost.Number != 0 && known.Incarnation != lost.Number)
        : Member.IsConnected(lost.Peer);

    private void Deliver(int from, ProtocolMessage message, TimeSpan now)
    {
        switch (message)
        {
            case StopMessage stop:
                Member.OnStop(from, stop, _effects);
                break;
            case StartMessage start:
                Member.OnStart(start, _effects);
                break;
            case PrepareMessage prepare:
                Coordinator.Remember(prepare.Base);
                Preparation.OnPrepare(from, prepare, now, _effects);
                break;
            case ExpertLoadRequestMessage:
                _effects.Add(new RankEffect(RankEffectKind.ReportLoad) { Peer = from, Step = Member.LastCompleted });
                break;
            case DrainMessage drain:
                Preparation.OnDrain(drain, _effects);
                break;
            case AbortMessage abort:
                Preparation.OnAbort(abort, now, _effects);
                break;
            case CompletedMessage completed:
                Preparation.OnCompleted(completed, _effects);
                break;
            case OperationReplyMessage or ProgressMessage:
                _effects.Add(new RankEffect(RankEffectKind.Tell) { Peer = from, Payload = message });
                break;
            default:
                Coordinator.OnMessage(from, message, now, _effects);
                break;
        }
    }

    /// <summary>A rank that waits to be admitted is connected to all members already: an operation that wants it does not wait for that.</summary>
    private void ConnectAhead(GroupView view)
    {
        if (Member.View.Epoch > 0 || view.IsTerminal)
            return;
        foreach (var member in view.Members.Where(member => member.Rank != Member.Rank && !Member.IsConnected(member)))
            _effects.Add(RankEffect.Connect(member.Rank, member.Address));
    }

    /// <summary>
    /// The record as a watch shows it. A rank learns from it only that the group goes on without it: as a leaver whose
    /// operation is complete, or because it was evicted.
    /// </summary>
    private void OnRecordSeen(GroupRecord record)
    {
        ConnectAhead(record.View);
        // A member under this number may be a later incarnation.
        var isMember = record.View.Find(Member.Rank) is { } member && member == Member.View.Find(Member.Rank);
        if (record.View.Epoch < Member.View.Epoch || isMember || Member.View.Epoch == 0)
            return;
        var isLeaver = record.Pending is { IsCommitted: true } pending && pending.Leavers.Contains(Member.Rank);
        if (record.View.IsTerminal)
            Member.EndGroup(_effects);
        else if (!isLeaver)
            Member.Leave(_effects);
    }
}
