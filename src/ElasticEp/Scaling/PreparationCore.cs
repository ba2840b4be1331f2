using ElasticEp.Events;
using ElasticEp.Membership;
using ElasticEp.Protocol;
using ElasticEp.Steps;

namespace ElasticEp.Scaling;

/// <summary>
/// A rank's own part in a transition: connect to the peers of the next view, fetch the weights, return requests to the queue when it is to
/// leave; and undo all that when the operation is rolled back. Pure, like all cores.
/// </summary>
internal sealed partial class PreparationCore(MemberCore member, PeerCore peers, StandbyCore standby, StepRules rules)
{
    /// <summary>How long a new plan waits for hooks that were cancelled, before it fails and says whom it waited for.</summary>
    public static readonly TimeSpan HookPatience = TimeSpan.FromSeconds(2);

    private PreparationPlan? _plan;
    private MemberId _coordinator;
    private string _hook = ""; // of the workload, that runs now
    private string _undone = ""; // operation that is being rolled back, or what this rank fetched as a standby
    private TimeSpan _undoneSince;
    private bool _isFetching;
    private bool _hasFetched;
    private PreparationPlan? _fetched; // the plan that was fetched for, or is
    private string? _fetchFailure; // of this plan
    private string _drainFailure = ""; // of this plan; empty for none
    private bool _isVoid; // its buffers have been taken since
    private bool _isDraining;
    private long _bytesMoved;
    private long _bytesTotal;

    /// <summary>Id of the operation that is being prepared, or whose view is to be entered; empty when there is none.</summary>
    public string Operation => _plan?.Operation ?? "";

    /// <summary>Whether there is something to prepare, or to undo.</summary>
    public bool IsBusy => _plan is not null || IsUndoing;

    public PreparationState State { get; private set; }

    /// <summary>Whether the view that is being prepared is without this rank.</summary>
    public bool IsLeaving => _plan is { } plan && !plan.Next.Contains(member.Self);

    /// <summary>When a tick is wanted, or null.</summary>
    public TimeSpan? WakeAt => _plan is { Base.Epoch: > 0 } && IsUndoing && State == PreparationState.Fetching ? _undoneSince + HookPatience : null;

    /// <summary>The members of both views of the plan, which are to be connected.</summary>
    public IEnumerable<GroupMember> Wanted => _plan is { } plan ? plan.Base.Members.Concat(plan.Next.Members) : [];

    private int Rank => member.Self.Rank;

    private bool IsUndoing => _undone.Length > 0;

    public void OnPrepare(MemberId from, PrepareMessage prepare, TimeSpan now, List<RankEffect> effects)
    {
        var isOld = prepare.Next.Epoch <= member.View.Epoch || prepare.Base.Epoch < (_plan?.Base.Epoch ?? 0);
        if (isOld || member.Phase == MemberPhase.Gone)
            return;
        if (prepare.Base.Whole is null && !rules.IsBase(prepare.Base, member.View))
        {
            Refuse(from, prepare, effects);
            return;
        }

        Prepare(from, new PreparationPlan(prepare.Operation, prepare.PlanView, prepare.Base.Whole ?? member.View, prepare.Next, prepare.Transfers, prepare.DrainTime), now, effects);
    }

    public void OnDrain(MemberId from, DrainMessage drain, List<RankEffect> effects)
    {
        if (_plan?.Operation != drain.Operation)
            return;
        if (_isDraining)
        {
            ReportDrainFailure(effects);
            return;
        }

        if (from != _coordinator || _plan.Next.Contains(member.Self))
            return; // of an earlier plan, by which this rank was to leave, or by a coordinator that is none any more
        _isDraining = true;
        effects.Add(new Drain(drain.Operation, _plan.DrainTime));
    }

    public void OnAbort(AbortMessage abort, TimeSpan now, List<RankEffect> effects)
    {
        var isDismissal = abort.Operation.Length == 0;
        if (isDismissal ? member.View.Epoch > 0 : _plan is not null && _plan.Operation != abort.Operation)
            return;
        if (_plan is not null)
            Undo(now, effects);
        if (abort.Operation == OperationRequest.BirthId)
            effects.Add(new Fail($"The group could not be formed: {abort.Reason}")); // it does not look like a rank that has left: it is to be started again
        else if (member.View.Epoch == 0)
            member.Leave(effects);
    }

    /// <summary>The view with this epoch is Completed without this rank, which has nothing more to do, whatever step it waits in.</summary>
    public void OnCompleted(CompletedMessage completed, List<RankEffect> effects)
    {
        if (member.View.Epoch < completed.Epoch || !member.View.Contains(member.Self))
            member.Leave(effects);
    }

    /// <summary>
    /// The coordinator's Abort may be lost; the record says the same. When an operation is recorded as completed its members have entered
    /// every view that came of it: what one of them still prepares was given up. Births have no ids of their own: what the record says may
    /// be of an earlier one.
    /// </summary>
    public void OnRecordSeen(GroupRecord record, TimeSpan now, List<RankEffect> effects)
    {
        if (_plan is { Base.Epoch: 0 } && record.View.Epoch > 0 && !record.View.Contains(member.Self))
            Undo(now, effects); // there is a group already, which is to be joined like any other
        else if (_plan is { Base.Epoch: > 0 } && record.FindOutcome(_plan.Operation) is { } outcome && (!outcome.IsCompleted || record.View.Contains(member.Self)))
            OnAbort(new AbortMessage(outcome.Id, outcome.Reason), now, effects);
    }

    /// <summary>A view is in use that has this many views of an operation's plan: those cannot be undone any more.</summary>
    public void OnEntered(EnterView entered, TimeSpan now, List<RankEffect> effects)
    {
        if (_plan?.Operation == entered.Operation && _plan.PlanView < entered.CommittedViews)
            _plan = null;
        if (_plan is not null && entered.IsReloading)
            MakeWay(_plan, now, effects);
    }

    /// <summary>The first step of the view in use is complete here.</summary>
    public void OnViewCompleted(List<RankEffect> effects) => FetchWhenReady(effects);

    public void OnTick(TimeSpan now, List<RankEffect> effects)
    {
        if (WakeAt <= now)
            FailIfHooksLast(now, effects);
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
            case RolledBack done when done.Operation == _undone:
                _undone = "";
                FetchWhenReady(effects);
                break;
            case LinkUp up:
                ReportFetchFailure(effects);
                ReportDrainFailure(effects);
                FetchWhenReady(effects);
                ReportAgain(up.Peer, effects);
                break;
            case PeerLost when _plan is { Base.Epoch: 0 }:
                break; // the group cannot begin without its first ranks: it waits until they can be reached, or are started again
            case PeerLost lost when _plan is { } plan && plan.Base.Contains(lost.Peer) && plan.Base.Contains(member.Self):
                break; // both are members: the recovery without it has the operation planned again
            case PeerLost lost when _plan is not null && State == PreparationState.Fetching && (!_isFetching || _fetchFailure is not null) && Wanted.Any(peer => peer.Id == lost.Peer):
                Report(PreparationState.Fetching, $"rank {Rank} could not connect to rank {lost.Peer.Rank}: {lost.Detail}{(_fetchFailure is { } failure ? $"; it failed to prepare the next view: {failure}" : "")}", effects);
                break;
            case FetchProgress progress when IsCurrent(progress.Operation, progress.View):
                (_bytesMoved, _bytesTotal) = (progress.BytesArrived, progress.BytesTotal);
                Report(State, "", effects);
                break;
            case Fetched fetched when IsCurrent(fetched.Operation, fetched.View):
                (_isFetching, _hasFetched) = (false, true);
                FetchWhenReady(effects);
                break;
            case FetchFailed failed when IsCurrent(failed.Operation, failed.View):
                OnFetchFailed(failed.Reason, now, effects);
                break;
            case Drained drained when IsCurrent(drained.Operation):
                State = PreparationState.Drained;
                ReportReady(effects);
                break;
            case DrainFailed failed when IsCurrent(failed.Operation):
                _drainFailure = $"the leave hook of rank {Rank} failed: {failed.Reason}";
                ReportDrainFailure(effects);
                break;
        }
    }

    private void Prepare(MemberId from, PreparationPlan plan, TimeSpan now, List<RankEffect> effects)
    {
        _coordinator = from;
        if (_plan?.Operation == plan.Operation && _plan.PlanView == plan.PlanView && _fetchFailure is null && !_isVoid && _plan.Next.Placement.HasSameSlots(plan.Next.Placement))
        {
            // The same view of the plan on a new base: what has been done stays, only the view has another epoch, and perhaps another process in it.
            _plan = plan;
            if (_hasFetched && !IsConnected(plan))
                State = PreparationState.Fetching;
            if (State >= PreparationState.Ready)
                ReportReady(effects);
            else
                FetchWhenReady(effects);
            return;
        }

        Undo(now, effects);
        if (standby.MakeWay(effects))
            (_undone, _undoneSince) = (StandbyCore.Operation, now);
        _plan = plan;
        (_bytesMoved, _bytesTotal) = (0, 0);
        FetchWhenReady(effects);
        FailIfHooksLast(now, effects);
    }

    /// <summary>What is being undone may complete still, also when the same operation is prepared anew.</summary>
    private bool IsCurrent(string operation) => _plan?.Operation == operation && _undone != operation && !_isVoid;

    /// <summary>Of an earlier fetch for the same operation, too.</summary>
    private bool IsCurrent(string operation, ulong view) => IsCurrent(operation) && _isFetching && _fetched?.Next.Digest == view;

    private void FetchWhenReady(List<RankEffect> effects)
    {
        if (_plan is not { } plan || _isFetching || _isVoid || State != PreparationState.Fetching)
            return;
        if (IsUndoing && !plan.Next.IsTerminal)
            return; // hooks do not overlap; the end of the group needs none
        if (plan.Next.IsTerminal || (_hasFetched && IsConnected(plan)))
        {
            State = PreparationState.Ready;
            ReportReady(effects);
        }
        else if (!_hasFetched && HasCompleted(plan.Base) && IsConnected(plan))
        {
            (_isFetching, _fetched) = (true, plan);
            effects.Add(new Fetch(plan, IsLeaver(plan)));
        }
    }

    private bool IsLeaver(PreparationPlan plan) => !plan.Next.Contains(member.Self);

    /// <summary>A leaver needs nobody: it gets no weights.</summary>
    private bool IsConnected(PreparationPlan plan) => IsLeaver(plan) || Wanted.All(peer => peer.Id == member.Self || peers.IsConnected(peer.Id));

    /// <summary>A member writes no buffer before it has itself completed the first step of the view in use; a joiner is in none.</summary>
    private bool HasCompleted(GroupView view) => !view.Contains(member.Self) || member.CompletedEpoch >= view.Epoch;

    private void OnFetchFailed(string reason, TimeSpan now, List<RankEffect> effects)
    {
        if (_plan is { } plan && _fetched?.Base.Epoch != plan.Base.Epoch)
        {
            // It was fetched for an earlier base, some of whose members may be gone: once more from those that there are.
            Undo(now, effects);
            _plan = plan;
            return;
        }

        _fetchFailure = reason;
        ReportFetchFailure(effects);
    }

    /// <summary>A hook that ignores its token cannot be ended. Until it returns, this rank can take part in nothing new, and says so.</summary>
    private void FailIfHooksLast(TimeSpan now, List<RankEffect> effects)
    {
        if (_plan is null || !IsUndoing || State != PreparationState.Fetching || now < _undoneSince + HookPatience || _plan.Base.Epoch == 0)
            return; // a birth waits: it has nothing to go back to
        var what = _hook.Length > 0 ? $"its workload's {_hook} was cancelled" : "its rollback began";
        Report(PreparationState.Fetching, $"rank {Rank} still undoes operation '{_undone}': {what} {(now - _undoneSince).TotalSeconds:0.#} s ago and has not ended", effects);
        (_plan, _isFetching, _hasFetched, _isDraining) = (null, false, false, false); // nothing of it has begun
    }

    /// <summary>
    /// Lost experts are loaded into every buffer that the view in use does not name: what was fetched for the next view is gone, and is fetched
    /// again when that is planned anew. A leave hook that runs is cancelled, and nothing comes of it: it is undone, and called anew likewise.
    /// </summary>
    private void MakeWay(PreparationPlan plan, TimeSpan now, List<RankEffect> effects)
    {
        if (plan.Next.Contains(member.Self) || _isFetching)
        {
            (State, _isVoid) = (PreparationState.Fetching, true);
            member.DropPrepared(Operation);
        }
        else if (_isDraining && State != PreparationState.Drained)
        {
            Undo(now, effects);
        }
    }

    private void Undo(TimeSpan now, List<RankEffect> effects)
    {
        if (_plan is not null)
            member.DropPrepared(Operation);
        if (_isFetching || _hasFetched || _isVoid || _isDraining)
        {
            (_undone, _undoneSince) = (Operation, now);
            effects.Add(new Rollback(Operation, _isDraining));
        }

        _plan = null;
        (State, _isFetching, _hasFetched, _fetchFailure, _isVoid, _isDraining, _drainFailure) = (PreparationState.Fetching, false, false, null, false, false, "");
    }
}
