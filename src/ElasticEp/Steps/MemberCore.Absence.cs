using ElasticEp.Events;

namespace ElasticEp.Steps;

/// <summary>
/// An app that does not call RunStepAsync while a step is due: its rank lives and answers, and the others wait in vain for its part of the
/// step. After the step deadline it reports itself and leaves Stop unanswered, so that they go on without it.
/// </summary>
internal sealed partial class MemberCore
{
    private TimeSpan? _absentSince; // when a step was due and the app not there; null since it has called
    private bool _isAbsent; // and the others were told to go on without this rank

    /// <summary>The time of the event that is handled.</summary>
    public TimeSpan Now { get; set; }

    private TimeSpan? AbsentBy => Phase == MemberPhase.Due && !_isAbsent ? _absentSince + options.StepDeadline : null;

    private void NoteAbsence()
    {
        if (Phase == MemberPhase.Due && !_isCallerWaiting)
            _absentSince ??= Now;
    }

    private void OnAbsent(List<RankEffect> effects)
    {
        _isAbsent = true;
        OnTrouble(Self, $"the app of {Self} has not called RunStepAsync for {(Now - _absentSince!.Value).TotalSeconds:0.#} s", Now, effects);
    }

    /// <summary>The app calls, perhaps before anybody has gone on without it.</summary>
    private void OnPresent(List<RankEffect> effects)
    {
        _absentSince = null;
        if (!_isAbsent)
            return;
        _isAbsent = false;
        if (_trouble?.Peer == Self)
            _trouble = null;
        AnswerIfItMay(Now, effects);
    }
}
