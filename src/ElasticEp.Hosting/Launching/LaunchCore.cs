using ElasticEp.Protocol;

namespace ElasticEp.Hosting.Launching;

/// <summary>
/// Keeps the ranks that run equal to those that the group's record wants, see <see cref="LaunchPlan"/>: which are started, when again,
/// which are stopped, and who is told of those that fail. Pure: (state, event, now) → (state, effects). Calls must not overlap.
/// </summary>
/// <param name="plan">Which ranks are to run.</param>
/// <param name="startDeadline">How long a start may take, and then the registration.</param>
internal sealed class LaunchCore(LaunchPlan plan, TimeSpan startDeadline)
{
    /// <summary>Failures of one rank after which the group is not born.</summary>
    public const int MaxBirthFailures = 3;

    public static readonly TimeSpan UnwantedGrace = TimeSpan.FromSeconds(2); // whoever was dismissed ends by itself, cleanly
    public static readonly TimeSpan ProvenAfter = TimeSpan.FromSeconds(10); // a member that ends earlier may do so each time

    private readonly Dictionary<int, RunningRank> _ranks = [];
    private readonly Dictionary<int, long> _incarnations = []; // rank → that of its newest process that has registered
    private readonly StartDelays _delays = new();
    private readonly LaunchFailures _failures = new();
    private readonly HashSet<int> _endedSoon = []; // ranks whose last member ended soon after it was admitted
    private GroupRecord _record = GroupRecord.Unborn;
    private long _launches;
    private bool _hasGivenUp;
    private long? _ended; // own operations of the group that had ended before this launcher began
    private bool _isStopping; // whoever ends now is not replaced

    /// <summary>When <see cref="LaunchEvent.Tick"/> is wanted, or null.</summary>
    public TimeSpan? WakeAt { get; private set; }

    /// <summary>Handles one event.</summary>
    /// <param name="e">The event.</param>
    /// <param name="now">Time since the launcher started; never goes back.</param>
    /// <param name="effects">Gets what is to be done, in order.</param>
    public void Handle(LaunchEvent e, TimeSpan now, List<LaunchEffect> effects)
    {
        switch (e)
        {
            case LaunchEvent.Record(var record):
                OnRecord(record, now, effects);
                break;
            case LaunchEvent.Started(var rank, var launch) when Find(rank, launch) is { } running:
                OnStarted(rank, running, now, effects);
                break;
            case LaunchEvent.Registered(var process):
                OnRegistered(process);
                break;
            case LaunchEvent.Failed(var rank, var launch, var reason) when Find(rank, launch) is { Phase: not LaunchPhase.Stopping } running:
                _ranks.Remove(rank);
                if (running.Phase != LaunchPhase.Cancelled)
                    OnFailed(rank, running.Operation, reason, now, effects);
                else if (running.Failure is { } failure)
                    OnFailed(rank, running.Operation, failure, now, effects);
                break;
            case LaunchEvent.Ended(var rank, var launch, _, _) when Find(rank, launch) is { Phase: LaunchPhase.Stopping } running:
                running.HasEnded = true;
                if (running.StopFailure is not null)
                    Forget(rank, effects); // it had been given up
                break;
            case LaunchEvent.Ended(var rank, var launch, var process, var how) when Find(rank, launch) is { } running:
                _ranks.Remove(rank);
                OnEnded(rank, running, process, how, now, effects);
                break;
            case LaunchEvent.Stopped(var rank, var launch, var failure) when Find(rank, launch) is { } running:
                running.StopFailure = failure;
                if (failure is null || running.HasEnded)
                    Forget(rank, effects);
                break;
            case LaunchEvent.HostStops:
                _isStopping = true;
                break;
        }

        foreach (var (rank, running) in _ranks)
            Look(rank, running, now, effects);
        StartMissing(now, effects);
        _failures.Report(_record, now, effects);
        SetWake(now);
    }

    /// <summary>What comes of a process that was there before the launch says nothing about the launched one.</summary>
    private void OnRegistered(MemberId process)
    {
        if (_ranks.TryGetValue(process.Rank, out var running) && process.Incarnation > running.LaunchedAfter)
            running.HasRegistered = true;
        _incarnations[process.Rank] = Math.Max(process.Incarnation, _incarnations.GetValueOrDefault(process.Rank));
    }

    private void Forget(int rank, List<LaunchEffect> effects)
    {
        _ranks.Remove(rank);
        effects.Add(new LaunchEffect.Ended(rank));
    }

    private RunningRank? Find(int rank, long launch) => _ranks.TryGetValue(rank, out var running) && running.Launch == launch ? running : null;

    private void OnRecord(GroupRecord record, TimeSpan now, List<LaunchEffect> effects)
    {
        _record = record;
        _failures.OnRecord(record);
        foreach (var (rank, running) in _ranks)
        {
            var isMember = record.View.Contains(rank);
            if (isMember)
                running.OnMember(now);
            running.Leaves = record.Pending?.Leavers.Contains(rank) == true || (running.Leaves && !isMember);
        }

        _ended ??= record.Own.Count;
        if (record is { View.Epoch: 0, Pending: null, Own.Kept: [.., { IsCompleted: false } birth] } && record.Own.Count > _ended)
            GiveUp(birth.Reason, effects); // of the ranks that were started here; those of before concern nobody
    }

    private void OnStarted(int rank, RunningRank running, TimeSpan now, List<LaunchEffect> effects)
    {
        if (running.Phase == LaunchPhase.Starting)
        {
            (running.Phase, running.RunsSince) = (LaunchPhase.Running, now);
        }
        else if (running is { Phase: LaunchPhase.Cancelled, Failure: null } && _record.View.Contains(rank))
        {
            (running.Phase, running.RunsSince, running.Operation) = (LaunchPhase.Running, now, ""); // the next operation has admitted it
        }
        else if (running is { Phase: LaunchPhase.Cancelled, Failure: null } && _record.Pending is { IsCommitted: false } pending && pending.Joiners.Contains(rank))
        {
            // The next operation wants its number, and may have admitted the process by now; or the one before has dismissed it.
            (running.Phase, running.RunsSince, running.Operation, running.MayBeDismissed) = (LaunchPhase.Running, now, pending.Id, true);
            effects.Add(new LaunchEffect.Adopted(rank, pending.Id));
        }
        else if (running.Phase == LaunchPhase.Cancelled)
        {
            running.Phase = LaunchPhase.Stopping; // the cancel came too late
            effects.Add(new LaunchEffect.Stop(rank, running.Launch));
        }
    }

    private void OnEnded(int rank, RunningRank running, int? process, string how, TimeSpan now, List<LaunchEffect> effects)
    {
        if (_hasGivenUp)
            effects.Add(new LaunchEffect.Ended(rank));
        else if (running is { MayBeDismissed: true, MemberSince: null })
            effects.Add(new LaunchEffect.Ended(rank)); // another one is started for the same operation
        else if (LaunchFailures.IsAwaited(_record, running.Operation, rank) || running is { Operation: LaunchPlan.Standby, UnwantedSince: null } || _record.IsUnborn)
            OnFailed(rank, running.Operation, $"it {how} before it was admitted", now, effects);
        else if (running is { MemberSince: { } since, Leaves: false } && IsMissed(rank))
            OnMemberEnded(rank, since, process, how, now, effects);
        else
            effects.Add(new LaunchEffect.Ended(rank));
    }

    /// <summary>Whether the group lacks a member that has ended; the record may be without it already.</summary>
    private bool IsMissed(int rank) => !_record.View.IsTerminal && (_record.View.Contains(rank) || _record.View.Members.Length < _record.Wanted);

    /// <summary>A process in its place is started when the others have recovered, and later when the one before it ended soon, too.</summary>
    private void OnMemberEnded(int rank, TimeSpan since, int? process, string how, TimeSpan now, List<LaunchEffect> effects)
    {
        effects.Add(new LaunchEffect.ReportProcessEnded(rank, process, how));
        if (now - since >= ProvenAfter)
            _endedSoon.Remove(rank);
        else if (!_endedSoon.Add(rank))
        {
            effects.Add(new LaunchEffect.EndsSoon(rank, _delays.OnFailed(rank, now)));
            return;
        }

        _delays.OnMemberLost(rank, now);
    }

    private void OnFailed(int rank, string operation, string reason, TimeSpan now, List<LaunchEffect> effects)
    {
        if (operation == LaunchPlan.Standby || _record.IsUnborn)
        {
            effects.Add(new LaunchEffect.NotStarted(rank, reason, _delays.OnFailed(rank, now)));
            if (_record.IsUnborn && _delays.FailuresOf(rank) >= MaxBirthFailures)
                GiveUp($"rank {rank} could not be started {MaxBirthFailures} times: {reason}", effects);
            return;
        }

        effects.Add(new LaunchEffect.NotStarted(rank, reason, null));
        if (!LaunchFailures.IsAwaited(_record, operation, rank))
            return;
        _failures.Add(operation, rank, reason);
        if (_record.Pending is { Kind: OperationKind.Repair })
            _delays.OnFailed(rank, now); // nobody asks for it but the group itself, which tries again
    }

    /// <summary>Once, for the first reason: several ranks may fail for the same one.</summary>
    private void GiveUp(string reason, List<LaunchEffect> effects)
    {
        if (!_hasGivenUp)
            effects.Add(new LaunchEffect.GiveUp(reason));
        _hasGivenUp = true;
    }

    /// <summary>Whether a rank may go on.</summary>
    private void Look(int rank, RunningRank running, TimeSpan now, List<LaunchEffect> effects)
    {
        if (running.Phase is LaunchPhase.Cancelled or LaunchPhase.Stopping)
            return;
        if (LaunchPlan.IsAdopted(_record, rank, running.Operation))
        {
            running.Operation = _record.Pending!.Id;
            effects.Add(new LaunchEffect.Adopted(rank, running.Operation));
        }

        if (plan.IsWanted(_record, rank, running.Operation))
        {
            running.UnwantedSince = null;
            if (running.Phase == LaunchPhase.Starting && now - running.LaunchedAt >= startDeadline)
                Cancel(rank, running, $"its start has not ended within {startDeadline}", effects);
            else if (RegistersBy(running) <= now)
                OnSilent(rank, running, now, effects);
        }
        else if (running.Phase == LaunchPhase.Starting)
        {
            Cancel(rank, running, null, effects);
        }
        else if (now - (running.UnwantedSince ??= now) >= UnwantedGrace)
        {
            running.Phase = LaunchPhase.Stopping;
            effects.Add(new LaunchEffect.Stop(rank, running.Launch));
        }
    }

    private TimeSpan? RegistersBy(RunningRank running) => running is { Phase: LaunchPhase.Running, HasRegistered: false, RunsSince: { } since } && startDeadline < TimeSpan.MaxValue - since ? since + startDeadline : null;

    /// <summary>It hangs before it can be admitted: another one may do better.</summary>
    private void OnSilent(int rank, RunningRank running, TimeSpan now, List<LaunchEffect> effects)
    {
        running.Phase = LaunchPhase.Stopping;
        effects.Add(new LaunchEffect.Stop(rank, running.Launch));
        OnFailed(rank, running.Operation, $"it runs, and has not registered in the store within {startDeadline}", now, effects);
    }

    private static void Cancel(int rank, RunningRank running, string? failure, List<LaunchEffect> effects)
    {
        (running.Phase, running.Failure) = (LaunchPhase.Cancelled, failure);
        effects.Add(new LaunchEffect.Cancel(rank, running.Launch));
    }

    private void StartMissing(TimeSpan now, List<LaunchEffect> effects)
    {
        foreach (var launch in _isStopping || _hasGivenUp ? [] : plan.Wanted(_record))
        {
            var isFree = launch.Operation == LaunchPlan.Standby || _record.IsUnborn; // no operation depends on it: it waits after a failure
            if (_failures.Contains(launch.Operation, launch.Rank) || (isFree && _delays.IsDelayed(launch.Rank, now)))
                continue;
            if (_ranks.TryGetValue(launch.Rank, out var former))
            {
                if (former.StopFailure is { } failure && _record.IsUnborn)
                    GiveUp($"rank {launch.Rank}: a process that hangs could not be ended: {failure}", effects);
                else if (former.StopFailure is { } reason && !isFree)
                    OnFailed(launch.Rank, launch.Operation, $"the process that had its number before could not be ended: {reason}", now, effects);
                continue;
            }

            var running = _ranks[launch.Rank] = new RunningRank(++_launches, launch.Operation, now) { LaunchedAfter = _incarnations.GetValueOrDefault(launch.Rank) };
            effects.Add(new LaunchEffect.Start(launch, running.Launch));
        }
    }

    private void SetWake(TimeSpan now) => WakeAt = _ranks.Values.Select(WakeOf).Append(_delays.WakeAt(now)).Append(_failures.WakeAt).Min();

    private TimeSpan? WakeOf(RunningRank running) => running switch
    {
        { Phase: LaunchPhase.Starting } => startDeadline < TimeSpan.MaxValue - running.LaunchedAt ? running.LaunchedAt + startDeadline : null,
        { Phase: LaunchPhase.Running, UnwantedSince: { } since } => since + UnwantedGrace,
        _ => RegistersBy(running),
    };
}
