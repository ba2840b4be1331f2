using ElasticEp.Events;
using ElasticEp.Membership;
using ElasticEp.Protocol;
using ElasticEp.Transport;

namespace ElasticEp.Steps;

/// <summary>
/// The step agreement of one rank: which step runs, under which view, and when it is complete. Pure: it owns no thread, timer,
/// task or lock; what it wants done it adds to <c>effects</c>. This part is a step from its beginning to the StepEnds.
/// </summary>
internal sealed partial class MemberCore(MemberId self, PeerCore peers, ElasticEpOptions options, StepRules rules)
{
    private readonly HashSet<int> _ended = [];
    private readonly Dictionary<MemberId, RankEvent> _early = []; // peer → the StepEnd of the highest epoch and step that came before this rank was there
    private GroupView? _prepared;
    private string _preparedOperation = "";
    private int _preparedPlanView;
    private long _announcedEpoch;
    private ulong _announcedDigest;
    private long _switchEpoch;
    private ulong _switchDigest;
    private long _latchedWake; // the latest step of this view that a wake has come for; zero for none
    private bool _anyWork;
    private bool _hasWork;
    private bool _isCallerWaiting;
    private bool _isDelegateInside;
    private bool _hasCallerRun;
    private bool _isFirstOfView;
    private bool _isReleased;
    private bool _hasEnded; // and said so
    private bool _hasGroupEnded;
    private bool _isTroubleReported;
    private StepFailedException? _tailFailure;
    private TimeSpan _closingSince;

    /// <summary>This process. Its incarnation is drawn before the first event.</summary>
    public MemberId Self { get; set; } = self;

    public GroupView View { get; private set; } = GroupView.None;

    /// <summary>The member that coordinates the view in use; null when there is none.</summary>
    public MemberId? Coordinator => View.Find(View.Coordinator)?.Id;

    public MemberPhase Phase { get; private set; } = MemberPhase.Parked;

    /// <summary>The step that runs or ran last.</summary>
    public long Step { get; private set; }

    public int Attempt { get; private set; }

    /// <summary>The first step of the view in use.</summary>
    public long FirstStep { get; private set; }

    public long LastCompleted { get; private set; }

    /// <summary>Whether this rank loads experts that the view in use gives it.</summary>
    public bool IsReloading { get; private set; }

    /// <summary>Whether this rank has never completed a step: its last completed step means nothing.</summary>
    public bool IsFresh { get; private set; } = true;

    /// <summary>The last view that was Completed here: its first step was, so that every member has entered it, and all of its experts are here; zero for none.</summary>
    public long CompletedEpoch { get; private set; }

    /// <summary>StepEnds that wait for this rank to get to their step; at most one of each member.</summary>
    public int EarlyStepEnds => _early.Count;

    /// <summary>When a tick is wanted, or null.</summary>
    public TimeSpan? WakeAt => Earliest.Of(AbsentBy, TroubleAt);

    private TimeSpan? TroubleAt => Phase switch
    {
        MemberPhase.Closing when !_isTroubleReported && !_isDelegateInside => _closingSince + options.StepDeadline,
        MemberPhase.Stopped => _stoppedSince + StartPatience,
        MemberPhase.Idle or MemberPhase.Due or MemberPhase.Running or MemberPhase.Closing or MemberPhase.Broken when _trouble is not null => _reportedAt + ReportInterval,
        _ => null,
    };

    /// <summary>How long Start is waited for: whoever leads may wait for others as long as the recovery deadline.</summary>
    private TimeSpan StartPatience => options.StopDeadline + TimeSpan.FromSeconds(1);

    /// <summary>How long Stop is waited for before the trouble is reported again: the report may be lost, or whoever got it may not lead any more.</summary>
    private TimeSpan ReportInterval => options.StopDeadline / 2;

    /// <summary>This rank holds the next view, with every weight it needs.</summary>
    public void SetPrepared(string operation, int planView, GroupView next) => (_preparedOperation, _preparedPlanView, _prepared) = (operation, planView, next);

    public void DropPrepared(string operation)
    {
        if (_preparedOperation == operation)
            (_preparedOperation, _prepared) = ("", null);
    }

    /// <summary>The coordinator on this rank announces a view in its next StepEnd; an idle group is woken for it.</summary>
    public void Announce(GroupView next, List<RankEffect> effects)
    {
        (_announcedEpoch, _announcedDigest) = (next.Epoch, next.Digest);
        _hasWork = true;
        if (Phase == MemberPhase.Idle)
            WakeAll(effects);
    }

    public void Handle(in RankEvent e, TimeSpan now, List<RankEffect> effects)
    {
        switch (e.Kind)
        {
            case StepEventKind.CallerWaits:
                _isCallerWaiting = true;
                OnPresent(effects);
                AnswerGone(effects);
                RunIfDue(effects);
                break;
            case StepEventKind.CallerCancelled:
                if (_isCallerWaiting && !_hasCallerRun)
                    Return(false, new OperationCanceledException(), effects);
                break;
            case StepEventKind.WorkNotified:
                _hasWork = true;
                if (Phase == MemberPhase.Idle)
                    WakeAll(effects);
                break;
            case StepEventKind.Wake:
            case StepEventKind.FrameParked:
                OnWake(e, effects);
                break;
            case StepEventKind.ExchangesEnded:
                OnExchangesEnded(now, effects);
                break;
            case StepEventKind.DelegateReturned:
                OnDelegateReturned(e, now, effects);
                break;
            case StepEventKind.StepEnd:
                OnStepEnd(e, effects);
                break;
            case StepEventKind.Tick when AbsentBy <= now:
                OnAbsent(effects);
                break;
            case StepEventKind.Tick when WakeAt <= now && Phase == MemberPhase.Stopped:
                ReportMissingStart(now);
                break;
            case StepEventKind.Tick when WakeAt <= now && _trouble is { } trouble:
                ReportTrouble(trouble.Peer, trouble.Reason, now, effects);
                break;
            case StepEventKind.Tick when WakeAt <= now:
                OnTrouble(null, $"no StepEnd of step {Step} from rank {string.Join(", ", Missing())} within {options.StepDeadline}", now, effects);
                break;
        }
    }

    private IEnumerable<int> Missing() => View.Members.Select(member => member.Rank).Where(member => !_ended.Contains(member));

    /// <summary>Latched by step: a wake cannot be lost. One of a later view is not needed: nobody is beyond its first step before this rank is in it, and that is always run.</summary>
    private void OnWake(in RankEvent e, List<RankEffect> effects)
    {
        if (e.Epoch != View.Epoch || Phase == MemberPhase.Gone)
            return;
        if (e.Kind == StepEventKind.Wake && !View.Contains(e.Peer))
            return;
        if (IsTooFarAhead(e, effects))
            return;
        _latchedWake = Math.Max(_latchedWake, e.Step);
        if (Phase == MemberPhase.Idle && rules.MustRun(false, _latchedWake, LastCompleted + 1, false))
            BecomeDue(LastCompleted + 1, effects);
    }

    private void WakeAll(List<RankEffect> effects)
    {
        effects.Add(RankEffect.SendWake(View, LastCompleted + 1));
        BecomeDue(LastCompleted + 1, effects);
    }

    private void BecomeDue(long step, List<RankEffect> effects)
    {
        Attempt = step == Step ? Attempt + 1 : 1;
        Step = step;
        _ended.Clear();
        _anyWork = false;
        _tailFailure = null;
        _isTroubleReported = false;
        (_switchEpoch, _switchDigest) = (0, 0);
        Phase = MemberPhase.Due;
        NoteAbsence();
        RunIfDue(effects);
    }

    private void RunIfDue(List<RankEffect> effects)
    {
        if (Phase != MemberPhase.Due || !_isCallerWaiting || !HasWhatItNeeds)
            return;
        Phase = MemberPhase.Running;
        _isDelegateInside = _hasCallerRun = true;
        _hasWork = _announcedEpoch != 0 || (Attempt > 1 && _hasWork); // what was notified during an attempt that failed is not in the frozen batch
        effects.Add(RankEffect.RunDelegate(View, Step, Attempt));
        ReplayEarly(effects);
    }

    private void OnExchangesEnded(TimeSpan now, List<RankEffect> effects)
    {
        if (Phase != MemberPhase.Running)
            return;
        Phase = MemberPhase.Closing;
        _closingSince = now;
        (_closed, _closedEpoch) = (Step, View.Epoch);
        _ended.Add(Self.Rank);
        _anyWork |= _hasWork;
        if (_announcedEpoch != 0)
            (_switchEpoch, _switchDigest) = (_announcedEpoch, _announcedDigest);
        effects.Add(RankEffect.SendStepEnd(View, Step, _hasWork, _announcedEpoch, _announcedDigest));
        CompleteIfDone(effects);
    }

    private void OnDelegateReturned(in RankEvent e, TimeSpan now, List<RankEffect> effects)
    {
        if (e.Epoch != View.Epoch || e.Step != Step || !_isDelegateInside)
            return;
        _isDelegateInside = false;
        switch (Phase)
        {
            case MemberPhase.Running:
                Phase = MemberPhase.Broken;
                if (e.IsOwnFailure)
                    Return(false, new StepFailedException(Step, Attempt, true, e.Failure!), effects);
                ReportTrouble(null, e.Failure?.Message ?? "the delegate returned before it had run every exchange", now, effects);
                break;
            case MemberPhase.Closing:
                if (e.Failure is not null)
                    _tailFailure = new StepFailedException(Step, Attempt, false, e.Failure);
                CompleteIfDone(effects);
                break;
            case MemberPhase.Broken when e.IsOwnFailure:
                Return(false, new StepFailedException(Step, Attempt, true, e.Failure!), effects);
                break;
            case MemberPhase.Stopping:
                OnStoppingEnded(e.Failure, e.IsOwnFailure, now, effects);
                break;
            case MemberPhase.Gone:
                AnswerGone(effects);
                break;
        }
    }

    private void OnStepEnd(in RankEvent e, List<RankEffect> effects)
    {
        if (e.Epoch < View.Epoch || (e.Epoch == View.Epoch && (e.Step <= LastCompleted || Phase == MemberPhase.Stopped)) || Phase == MemberPhase.Gone)
            return;
        if (e.Epoch == View.Epoch && (!View.Contains(e.Peer) || IsTooFarAhead(e, effects)))
            return;
        var isUnderWay = Phase is MemberPhase.Due or MemberPhase.Running or MemberPhase.Closing or MemberPhase.Stopping or MemberPhase.Broken;
        if (!isUnderWay || e.Epoch != View.Epoch || e.Step != Step)
        {
            if (!_early.TryGetValue(e.Peer, out var known) || (known.Epoch, known.Step).CompareTo((e.Epoch, e.Step)) < 0)
                _early[e.Peer] = e;
            return;
        }

        _ended.Add(e.Peer.Rank);
        _anyWork |= e.HasWork;
        if (e.NextEpoch != 0 && e.Peer.Rank == View.Coordinator)
            (_switchEpoch, _switchDigest) = (e.NextEpoch, e.NextDigest);
        CompleteIfDone(effects);
    }

    private void ReplayEarly(List<RankEffect> effects)
    {
        if (_early.Count == 0)
            return;
        var early = _early.Values.OrderBy(e => e.Peer.Rank).ToArray();
        _early.Clear();
        foreach (var e in early)
            OnStepEnd(e, effects);
    }

    /// <summary>
    /// Within a view nobody is more than one step ahead of anybody (rule 1). Who claims to be breaks the protocol, and must not be
    /// believed: a wake for a step that never comes would keep the group running for ever.
    /// </summary>
    private bool IsTooFarAhead(in RankEvent e, List<RankEffect> effects)
    {
        if (StepRules.IsWithinReach(e.Step, Step))
            return false;
        if (e.Kind != StepEventKind.FrameParked) // the exchange has judged the frame itself
            effects.Add(new AbortLink(e.Peer, DisconnectReason.ProtocolError, $"it sent {e.Kind} of step {e.Step} while step {Step} is the last here; ranks are at most one step apart"));
        return true;
    }
}
