using ElasticEp.Events;

namespace ElasticEp.Steps;

/// <summary>The end of a step: what follows it, and under which view.</summary>
internal sealed partial class MemberCore
{
    private void CompleteIfDone(List<RankEffect> effects)
    {
        if (Phase == MemberPhase.Closing && rules.IsComplete(_isDelegateInside, _ended.Count, View.Members.Length))
            Complete(effects);
    }

    private void Complete(List<RankEffect> effects)
    {
        LastCompleted = Step;
        IsFresh = false;
        effects.Add(new RankEffect(RankEffectKind.CloseStep) { Epoch = View.Epoch, Step = Step });
        if (_isFirstOfView)
        {
            _isFirstOfView = false;
            effects.Add(new RankEffect(RankEffectKind.SettleView) { Payload = View });
        }

        Return(true, _tailFailure, effects);
        if (_switchEpoch != 0)
            SwitchToPrepared(effects);
        else if (rules.MustRun(_anyWork, _latchedWake, Step + 1, false))
            BecomeDue(Step + 1, effects);
        else if (_hasWork)
            WakeAll(effects);
        else
            Phase = MemberPhase.Idle;
    }

    private void SwitchToPrepared(List<RankEffect> effects)
    {
        if (_prepared is not { } next || next.Epoch != _switchEpoch || next.Digest != _switchDigest)
        {
            effects.Add(new RankEffect(RankEffectKind.Fail)
            {
                Payload = $"The coordinator announced view {_switchEpoch}, but rank {Rank} holds {_prepared?.ToString() ?? "no next view"}: it cannot follow.",
            });
            return;
        }

        Enter(next, Step + 1, _preparedOperation, _preparedStage + 1, effects);
        if (Phase == MemberPhase.Gone)
            return;
        if (rules.MustRun(_anyWork, _latchedWake, Step + 1, true))
            BecomeDue(Step + 1, effects);
        else
            Phase = MemberPhase.Idle;
    }

    private void Enter(GroupView view, long step, string operation, int committedViews, List<RankEffect> effects)
    {
        View = view;
        DropPrepared(_preparedOperation);
        (_announcedEpoch, _announcedDigest) = (0, 0);
        foreach (var (peer, early) in _early.ToArray())
        {
            if (early.Epoch < view.Epoch)
                _early.Remove(peer);
        }

        _latchedWake = 0; // steps of another view: its first one is run without a wake
        _isFirstOfView = true;
        effects.Add(new RankEffect(RankEffectKind.EnterView) { Epoch = view.Epoch, Step = step, Operation = operation, Number = committedViews, Payload = view });
        if (view.Contains(Rank))
            return;
        Phase = MemberPhase.Gone;
        _isReleased |= view.IsTerminal;
        AnswerGone(effects);
    }

    private void Return(bool result, Exception? failure, List<RankEffect> effects)
    {
        if (!_isCallerWaiting)
            return;
        _isCallerWaiting = _hasCallerRun = false;
        effects.Add(new RankEffect(RankEffectKind.ReturnToCaller) { Flag = result, Payload = failure });
    }

    private void AnswerGone(List<RankEffect> effects)
    {
        if (Phase == MemberPhase.Gone && _isReleased && !_isDelegateInside)
            Return(false, null, effects);
    }

    private RankEffect Abort(string reason) => new(RankEffectKind.AbortAttempt) { Epoch = View.Epoch, Step = Step, Payload = reason };
}
