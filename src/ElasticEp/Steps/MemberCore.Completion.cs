using System.Collections.Immutable;
using ElasticEp.Events;

namespace ElasticEp.Steps;

/// <summary>The end of a step: what follows it, under which view, and when this rank is out of the group.</summary>
internal sealed partial class MemberCore
{
    /// <summary>Whether this rank is out of the group for good, and nobody needs anything of it.</summary>
    public bool IsReleased => Phase == MemberPhase.Gone && _isReleased;

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

    private void CompleteIfDone(List<RankEffect> effects)
    {
        if (Phase == MemberPhase.Closing && rules.IsComplete(_isDelegateInside, _ended.Count, View.Members.Length))
            Complete(effects);
    }

    private void Complete(List<RankEffect> effects)
    {
        LastCompleted = Step;
        IsFresh = false;
        effects.Add(RankEffect.CompleteStep(View, Step));
        _isFirstOfView = false;
        CompleteView(effects);
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

    private void CompleteView(List<RankEffect> effects)
    {
        if (_isFirstOfView || CompletedEpoch == View.Epoch || _awaited.Count > 0)
            return;
        CompletedEpoch = View.Epoch;
        effects.Add(new ViewCompleted(View));
    }

    private void SwitchToPrepared(List<RankEffect> effects)
    {
        if (_prepared is not { } next || next.Epoch != _switchEpoch || next.Digest != _switchDigest)
        {
            effects.Add(new Fail($"The coordinator announced view {_switchEpoch}, but rank {Self.Rank} holds {_prepared?.ToString() ?? "no next view"}: it cannot follow."));
            return;
        }

        Enter(next, Step + 1, _preparedOperation, _preparedPlanView + 1, [], effects);
        if (Phase == MemberPhase.Gone)
            return;
        if (rules.MustRun(_anyWork, _latchedWake, Step + 1, true))
            BecomeDue(Step + 1, effects);
        else
            Phase = MemberPhase.Idle;
    }

    private void Enter(GroupView view, long step, string operation, int committedViews, ImmutableArray<int> reloading, List<RankEffect> effects)
    {
        View = view;
        _startedBy = null;
        AwaitReloads(reloading);
        DropPrepared(_preparedOperation);
        (_announcedEpoch, _announcedDigest) = (0, 0);
        foreach (var (peer, early) in _early.ToArray())
        {
            if (early.Epoch < view.Epoch)
                _early.Remove(peer);
        }

        _latchedWake = 0;
        (_isFirstOfView, FirstStep) = (true, step);
        effects.Add(new EnterView(view, step, operation, committedViews, IsReloading));
        if (view.Contains(Self))
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
        effects.Add(RankEffect.ReturnToCaller(result, failure));
    }

    private void AnswerGone(List<RankEffect> effects)
    {
        if (!IsReleased || _isDelegateInside)
            return;
        Return(false, null, effects);
        if (_hasEnded)
            return;
        _hasEnded = true;
        effects.Add(new RankEnded()); // whether the app waits or not: its serving loop may have stopped
    }

    private AbortAttempt Abort(string reason) => new(View.Epoch, Step, reason);
}
