using ElasticEp.Events;

namespace ElasticEp.Steps;

/// <summary>
/// Loads the lost experts that a recovery's view gives this rank: one attempt after another, until the workload's source has given all of
/// them, however long it fails. An attempt that neither ends nor gets on waits for a hook of the app that does not return: the others are
/// to go on without this rank. Pure, like all cores.
/// </summary>
internal sealed class ReloadCore(MemberCore member, ElasticEpOptions options)
{
    private static readonly BackOff AfterFailures = new(TimeSpan.FromMilliseconds(50), TimeSpan.FromSeconds(5));

    private GroupView? _view; // whose experts are loaded; null when there is nothing to load
    private TimeSpan? _retryAt; // when the next attempt begins; null while one is under way
    private int _failures; // in a row
    private TimeSpan _patientUntil; // when the attempt is found to be stuck, unless it gets on before
    private string _hook = ""; // of the workload, that runs now
    private bool _isStuck;

    /// <summary>Why this rank does not have its experts yet; empty when nothing is known to be wrong.</summary>
    public string Trouble { get; private set; } = "";

    /// <summary>When a tick is wanted, or null.</summary>
    public TimeSpan? WakeAt
    {
        get
        {
            if (_view is null || member.Phase == MemberPhase.Gone)
                return null;
            // When nobody waits for it, it is reported under the next view, if it still gets no further.
            return _retryAt ?? (_isStuck || !member.IsLoadAwaited ? null : _patientUntil);
        }
    }

    /// <summary>Whether the others have room for every expert, and are enough.</summary>
    private bool CanOthersGoOn => member.View.Members.Length - 1 is var others && others >= options.MinRanks && (long)others * options.SlotsPerRank >= member.View.Placement.Experts;

    public void OnEntered(EnterView entered, TimeSpan now, List<RankEffect> effects)
    {
        var isUnderWay = _view is not null && _retryAt is null; // it is cancelled, and may take no notice: the next one waits for it
        (_view, _retryAt, _failures, _isStuck) = (entered.IsReloading ? entered.View : null, null, 0, false);
        if (_view is null)
        {
            Trouble = "";
            return;
        }

        _patientUntil = !isUnderWay ? now + options.RecoveryDeadline : now < _patientUntil ? _patientUntil : now;
        effects.Add(new Reload(_view));
    }

    public void Handle(ControlEvent e, TimeSpan now, List<RankEffect> effects)
    {
        switch (e)
        {
            case HookEntered entered:
                _hook = entered.Hook;
                break;
            case HookReturned:
                _hook = "";
                break;
            case ReloadProgress progress when progress.Epoch == _view?.Epoch:
                GetOn(now, effects);
                member.OnLoadBegun(effects);
                break;
            case ReloadFailed failed when failed.Epoch == _view?.Epoch:
                GetOn(now, effects);
                OnFailed(failed.Reason, now, effects);
                break;
            case Reloaded reloaded when reloaded.Epoch == _view?.Epoch:
                GetOn(now, effects);
                (_view, Trouble) = (null, "");
                member.OnReloaded(reloaded, effects);
                break;
        }
    }

    public void OnTick(TimeSpan now, List<RankEffect> effects)
    {
        if (WakeAt is not { } due || due > now)
            return;
        if (_retryAt is null)
        {
            OnStuck(now, effects);
            return;
        }

        (_retryAt, _patientUntil) = (null, now + options.RecoveryDeadline);
        effects.Add(new Reload(_view!));
    }

    /// <summary>This process was late itself.</summary>
    public void Excuse(TimeSpan late) => _patientUntil += late;

    /// <summary>A source that fails answers: nothing says that another rank's would not, so that this one is waited for.</summary>
    private void OnFailed(string reason, TimeSpan now, List<RankEffect> effects)
    {
        if (reason != Trouble)
            effects.Add(new ShowReloadTrouble(_view!, reason, IsStuck: false));
        (Trouble, _retryAt) = (reason, now + AfterFailures.After(++_failures));
    }

    private void OnStuck(TimeSpan now, List<RankEffect> effects)
    {
        _isStuck = true;
        var within = $"within {options.RecoveryDeadline.TotalSeconds:0.#} s";
        Trouble = _hook.Length > 0 ? $"its workload's {_hook} has not returned {within}" : $"nothing has come of it {within}";
        effects.Add(new ShowReloadTrouble(_view!, $"{Trouble}; {(CanOthersGoOn ? "the others go on without this rank" : "the others cannot go on without this rank, and wait")}", IsStuck: true));
        if (CanOthersGoOn)
            member.OnLoadStuck(Trouble, now, effects);
    }

    private void GetOn(TimeSpan now, List<RankEffect> effects)
    {
        _patientUntil = now + options.RecoveryDeadline;
        if (!_isStuck)
            return;
        (_isStuck, Trouble) = (false, "");
        member.OnLoadGoesOn(now, effects);
    }
}
