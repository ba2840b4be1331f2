using ElasticEp.Events;

namespace ElasticEp.Steps;

/// <summary>
/// The step agreement of one rank: which step runs, under which view, and when it is complete. Pure: it owns no thread, timer,
/// task or lock; what it wants done it adds to <c>effects</c>.
/// </summary>
internal sealed partial class MemberCore(int rank, TimeSpan stepDeadline, StepRules rules)
{
    private readonly HashSet<int> _ended = [];
    private readonly SortedDictionary<int, RankEvent> _early = []; // member → the StepEnd of the highest epoch and step that came before this rank was there
    private GroupView? _prepared;
    private string _preparedOperation = "";
    private int _preparedStage;
    private long _announcedEpoch;
    private ulong _announcedDigest;
    private long _switchEpoch;
    private ulong _switchDigest;
    private long _latchedWake;
    private bool _anyWork;
    private bool _hasWork;
    private bool _isCallerWaiting;
    private bool _isDelegateInside;
    private bool _hasCallerRun;
    private bool _isFirstOfView;
    private bool _isReleased;
    private bool _hasGroupEnded;
    private bool _isTroubleReported;
    private StepFailedException? _tailFailure;
    private TimeSpan _closingSince;

    public int Rank { get; } = rank;

    public GroupView View { get; private set; } = GroupView.None;

    public MemberPhase Phase { get; private set; } = MemberPhase.Parked;

    /// <summary>The step that runs or ran last.</summary>
    public long Step { get; private set; }

    public int Attempt { get; private set; }

    public long LastCompleted { get; private set; }

    /// <summary>Whether this rank has never completed a step: its last completed step means nothing.</summary>
    public bool IsFresh { get; private set; } = true;

    /// <summary>Whether the first step of the view in use is complete here, so that nobody needs the views before it; also when there is none.</summary>
    public bool IsSettled => !_isFirstOfView;

    /// <summary>StepEnds that wait for this rank to get to their step; at most one of each member.</summary>
    public int EarlyStepEnds => _early.Count;

    /// <summary>When <see cref="RankEventKind.Tick"/> is wanted, or null.</summary>
    public TimeSpan? WakeAt => Phase == MemberPhase.Closing && !_isTroubleReported && !_isDelegateInside ? _closingSince + stepDeadline : null;

    /// <summary>The next view is held here, with every weight it needs.</summary>
    public void SetPrepared(string operation, int planStage, GroupView next) => (_preparedOperation, _preparedStage, _prepared) = (operation, planStage, next);

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

    /// <summary>The operation is over for this leaver: the app's loop may end.</summary>
    public void Release(List<RankEffect> effects)
    {
        _isReleased = true;
        AnswerGone(effects);
    }

    /// <summary>This rank is not wanted: it was dismissed, or learned of a view without it.</summary>
    public void Leave(List<RankEffect> effects)
    {
        if (Phase is MemberPhase.Running or MemberPhase.Broken && _isDelegateInside)
            effects.Add(Abort("This rank has left the group."));
        Phase = MemberPhase.Gone;
        Release(effects);
    }

    /// <summary>
    /// The group has a terminal view. Normally the coordinator's next StepEnd says so; but its peers go as soon as they know, so
    /// a rank that has trouble from now on goes by itself.
    /// </summary>
    public void EndGroup(List<RankEffect> effects)
    {
        _hasGroupEnded = true;
        if (_trouble is not null && Phase != MemberPhase.Gone)
            Leave(effects);
    }

    public void Handle(in RankEvent e, TimeSpan now, List<RankEffect> effects)
    {
        switch (e.Kind)
        {
            case RankEventKind.CallerWaits:
                _isCallerWaiting = true;
                AnswerGone(effects);
                RunIfDue(effects);
                break;
            case RankEventKind.CallerGaveUp:
                if (_isCallerWaiting && !_hasCallerRun)
                    Return(false, new OperationCanceledException(), effects);
                break;
            case RankEventKind.WorkNotified:
                _hasWork = true;
                if (Phase == MemberPhase.Idle)
                    WakeAll(effects);
                break;
            case RankEventKind.Wake:
            case RankEventKind.FrameWaiting:
                OnWake(e, effects);
                break;
            case RankEventKind.ExchangesEnded:
                OnExchangesEnded(now, effects);
                break;
            case RankEventKind.DelegateReturned:
                OnDelegateReturned(e, effects);
                break;
            case RankEventKind.StepEnd:
                OnStepEnd(e, effects);
                break;
            case RankEventKind.LinkLost:
                OnLinkLost(e, effects);
                break;
            case RankEventKind.LinkUp:
                OnLinkUp(e.Peer, e.Number, effects);
                break;
            case RankEventKind.RankLost:
                OnRankLost(e, effects);
                break;
            case RankEventKind.Tick when WakeAt <= now:
                OnTrouble(-1, $"no StepEnd of step {Step} from rank {string.Join(", ", Missing())} within {stepDeadline}", effects);
                break;
        }
    }

    private IEnumerable<int> Missing() => View.Members.Select(member => member.Rank).Where(member => !_ended.Contains(member));

    private void OnWake(in RankEvent e, List<RankEffect> effects)
    {
        // The first step of a later view is run in any case.
        if (e.Epoch != View.Epoch || Phase == MemberPhase.Gone || IsTooFarAhead(e, effects))
            return;
        _latchedWake = Math.Max(_latchedWake, e.Step);
        if (Phase == MemberPhase.Idle && rules.MustRun(false, _latchedWake, LastCompleted + 1, false))
            BecomeDue(LastCompleted + 1, effects);
    }

    private void WakeAll(List<RankEffect> effects)
    {
        effects.Add(new RankEffect(RankEffectKind.SendWake) { Epoch = View.Epoch, Step = LastCompleted + 1, Payload = View });
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
        RunIfDue(effects);
    }

    private void RunIfDue(List<RankEffect> effects)
    {
        if (Phase != MemberPhase.Due || !_isCallerWaiting)
            return;
        Phase = MemberPhase.Running;
        _isDelegateInside = _hasCallerRun = true;
        _hasWork = _announcedEpoch != 0;
        effects.Add(new RankEffect(RankEffectKind.RunDelegate) { Epoch = View.Epoch, Step = Step, Number = Attempt, Payload = View });
        ReplayEarly(effects);
    }

    private void OnExchangesEnded(TimeSpan now, List<RankEffect> effects)
    {
        if (Phase != MemberPhase.Running)
            return;
        Phase = MemberPhase.Closing;
        _closingSince = now;
        _ended.Add(Rank);
        _anyWork |= _hasWork;
        if (_announcedEpoch != 0)
            (_switchEpoch, _switchDigest) = (_announcedEpoch, _announcedDigest);
        effects.Add(new RankEffect(RankEffectKind.SendStepEnd)
        {
            Epoch = View.Epoch,
            Step = Step,
            Flag = _hasWork,
            NextEpoch = _announcedEpoch,
            NextDigest = _announcedDigest,
            Payload = View,
        });
        CompleteIfDone(effects);
    }

    private void OnDelegateReturned(in RankEvent e, List<RankEffect> effects)
    {
        if (e.Epoch != View.Epoch || e.Step != Step || !_isDelegateInside)
            return;
        _isDelegateInside = false;
        var failure = e.Payload as Exception;
        switch (Phase)
        {
            case MemberPhase.Running:
                Phase = MemberPhase.Broken;
                if (e.Flag)
                    Return(false, new StepFailedException(Step, Attempt, true, failure!), effects);
                ReportTrouble(-1, failure?.Message ?? "the delegate returned before it had run every exchange", effects);
                break;
            case MemberPhase.Closing:
                if (failure is not null)
                    _tailFailure = new StepFailedException(Step, Attempt, false, failure);
                CompleteIfDone(effects);
                break;
            case MemberPhase.Broken when e.Flag:
                Return(false, new StepFailedException(Step, Attempt, true, failure!), effects);
                break;
            case MemberPhase.Stopping:
                OnStoppingEnded(failure, e.Flag, effects);
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
        if (e.Epoch == View.Epoch && IsTooFarAhead(e, effects))
            return;
        var isUnderWay = Phase is MemberPhase.Due or MemberPhase.Running or MemberPhase.Closing or MemberPhase.Stopping or MemberPhase.Broken;
        if (!isUnderWay || e.Epoch != View.Epoch || e.Step != Step)
        {
            if (!_early.TryGetValue(e.Peer, out var known) || (known.Epoch, known.Step).CompareTo((e.Epoch, e.Step)) < 0)
                _early[e.Peer] = e;
            return;
        }

        if (!View.Contains(e.Peer))
            return;
        _ended.Add(e.Peer);
        _anyWork |= e.Flag;
        if (e.NextEpoch != 0 && e.Peer == View.Coordinator)
            (_switchEpoch, _switchDigest) = (e.NextEpoch, e.NextDigest);
        CompleteIfDone(effects);
    }

    private void ReplayEarly(List<RankEffect> effects)
    {
        if (_early.Count == 0)
            return;
        var early = _early.Values.ToArray();
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
        if (e.Kind != RankEventKind.FrameWaiting) // the exchange has judged the frame itself
            effects.Add(new RankEffect(RankEffectKind.AbortLink) { Peer = e.Peer, Payload = $"it sent {e.Kind} of step {e.Step} while step {Step} is the last here; ranks are at most one step apart" });
        return true;
    }
}
