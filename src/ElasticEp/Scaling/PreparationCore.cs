using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Steps;

namespace ElasticEp.Scaling;

/// <summary>
/// A rank's own part in a transition: connect to the peers of the next view, get the weights, hand back requests when it is to
/// leave; and undo all that when the operation is rolled back. Pure, like all cores.
/// </summary>
internal sealed class PreparationCore(int rank, MemberCore member, StepRules rules)
{
    /// <summary>How long a new plan waits for hooks that were cancelled, before it fails and says whom it waited for.</summary>
    public static readonly TimeSpan HookPatience = TimeSpan.FromSeconds(2);

    private PrepareMessage? _plan;
    private int _coordinator;
    private string _hook = ""; // of the workload, that runs now
    private string _undone = ""; // operation that is being rolled back
    private TimeSpan _undoneSince;
    private bool _isLoading;
    private bool _isDraining;
    private PreparationState _stage;
    private long _bytesMoved;
    private long _bytesTotal;

    /// <summary>Id of the operation that is being prepared or that waits to settle; empty when there is none.</summary>
    public string Operation => _plan?.Operation ?? "";

    /// <summary>The view that is being prepared, or null.</summary>
    public GroupView? Next => _plan?.Next;

    public PreparationState Stage => _stage;

    /// <summary>When <see cref="RankEventKind.Tick"/> is wanted, or null.</summary>
    public TimeSpan? WakeAt => _plan is not null && IsUndoing ? _undoneSince + HookPatience : null;

    private bool IsUndoing => _undone.Length > 0;

    public void OnPrepare(int from, PrepareMessage plan, TimeSpan now, List<RankEffect> effects)
    {
        if (plan.Next.Epoch <= member.View.Epoch || member.Phase == MemberPhase.Gone)
            return;
        _coordinator = from;
        if (_plan?.Operation == plan.Operation && _plan.PlanStage == plan.PlanStage)
        {
            // The same stage on a new base: what has been done stays, only the view has another epoch.
            _plan = plan;
            if (_stage >= PreparationState.Loaded)
                ReportReady(effects);
            else
                ConnectAndLoad(effects);
            return;
        }

        if (_plan is not null)
            Undo(now, effects);
        _plan = plan;
        (_stage, _isLoading, _isDraining, _bytesMoved, _bytesTotal) = (PreparationState.Loading, false, false, 0, 0);
        ConnectAndLoad(effects);
        FailIfHooksLast(now, effects);
    }

    public void OnDrain(DrainMessage drain, List<RankEffect> effects)
    {
        if (_plan?.Operation != drain.Operation || _isDraining)
            return;
        _isDraining = true;
        effects.Add(new RankEffect(RankEffectKind.Drain) { Operation = drain.Operation, Payload = _plan.DrainTime });
    }

    public void OnAbort(AbortMessage abort, TimeSpan now, List<RankEffect> effects)
    {
        if (_plan is not null && _plan.Operation != abort.Operation)
            return;
        if (_plan is not null)
            Undo(now, effects);
        if (member.View.Epoch == 0)
            member.Leave(effects);
    }

    /// <summary>
    /// The coordinator's Abort may be lost; the record tells the same. When an operation is recorded as completed its members have entered
    /// every view that came of it: what one of them still prepares was given up.
    /// </summary>
    public void OnRecordSeen(GroupRecord record, TimeSpan now, List<RankEffect> effects)
    {
        if (record.Last is { } last && last.Id == _plan?.Operation && (!last.IsCompleted || record.View.Contains(rank)))
            OnAbort(new AbortMessage(last.Id, last.Reason), now, effects);
    }

    public void OnCompleted(CompletedMessage completed, List<RankEffect> effects)
    {
        // It may overtake the last StepEnd that this leaver waits for: then it goes as soon as that has come.
        if (completed.Epoch < member.View.Epoch)
            return;
        member.Release(effects);
    }

    /// <summary>A view is in use that has this many stages of an operation: those cannot be undone any more.</summary>
    public void OnEntered(string operation, long committedViews)
    {
        if (_plan?.Operation == operation && _plan.PlanStage < committedViews)
            _plan = null;
    }

    /// <summary>The first step of the view in use is complete here: buffers of the view before are free.</summary>
    public void OnSettled(List<RankEffect> effects) => LoadWhenReady(effects);

    public void Handle(in RankEvent e, TimeSpan now, List<RankEffect> effects)
    {
        switch (e.Kind)
        {
            case RankEventKind.HookEntered:
                _hook = e.Detail;
                break;
            case RankEventKind.HookReturned:
                _hook = "";
                break;
            case RankEventKind.RolledBack:
                _undone = "";
                LoadWhenReady(effects);
                break;
            case RankEventKind.Tick when WakeAt <= now:
                FailIfHooksLast(now, effects);
                break;
            case RankEventKind.LinkUp:
                LoadWhenReady(effects);
                ReportAgain(e.Peer, effects);
                break;
            case RankEventKind.LinkLost when _plan is { } plan && _stage == PreparationState.Loading && !_isLoading:
                if (plan.Next.Find(e.Peer) is { } lost)
                    effects.Add(RankEffect.Connect(lost.Rank, lost.Address));
                break;
            case RankEventKind.ConnectFailed when _plan is { } plan && !_isLoading && Peers(plan).Any(IsPeer(e.Peer)):
                Report(PreparationState.Loading, $"rank {rank} could not connect to rank {e.Peer}: {e.Detail}", effects);
                break;
            case RankEventKind.LoadProgress when e.Operation == Operation && _plan is not null:
                (_bytesMoved, _bytesTotal) = (e.Number, e.Step);
                Report(_stage, "", effects);
                break;
            case RankEventKind.Loaded when e.Operation == Operation && _plan is not null:
                _stage = PreparationState.Loaded;
                ReportReady(effects);
                break;
            case RankEventKind.LoadFailed when e.Operation == Operation && _plan is not null:
                Report(_stage, $"rank {rank} could not get its weights: {e.Detail}", effects);
                break;
            case RankEventKind.Drained when e.Operation == Operation && _plan is not null:
                _stage = PreparationState.Drained;
                ReportReady(effects);
                break;
            case RankEventKind.DrainFailed when e.Operation == Operation && _plan is not null:
                Report(_stage, $"the leave hook of rank {rank} failed: {e.Detail}", effects);
                break;
        }
    }

    private static Func<GroupMember, bool> IsPeer(int peer) => other => other.Rank == peer;

    private IEnumerable<GroupMember> Peers(PrepareMessage plan) => plan.Base.Members
        .Concat(plan.Next.Members)
        .Where(peer => peer.Rank != rank)
        .DistinctBy(peer => peer.Rank);

    private void ConnectAndLoad(List<RankEffect> effects)
    {
        foreach (var peer in Peers(_plan!))
        {
            if (!member.IsConnected(peer))
                effects.Add(RankEffect.Connect(peer.Rank, peer.Address));
        }

        LoadWhenReady(effects);
    }

    private void LoadWhenReady(List<RankEffect> effects)
    {
        if (_plan is not { } plan || _isLoading || IsUndoing || _stage != PreparationState.Loading || !rules.MayReuseBuffers(member.IsSettled) || !Peers(plan).All(peer => member.IsConnected(peer)))
            return;
        _isLoading = true;
        effects.Add(new RankEffect(RankEffectKind.Load) { Operation = plan.Operation, Payload = plan });
    }

    private void ReportReady(List<RankEffect> effects)
    {
        member.SetPrepared(_plan!.Operation, _plan.PlanStage, _plan.Next);
        Report(_stage, "", effects);
    }

    /// <summary>The coordinator is there again: what was said to it may be lost, and it may be another one.</summary>
    private void ReportAgain(int peer, List<RankEffect> effects)
    {
        if (_plan is null || (peer != _coordinator && peer != member.View.Coordinator))
            return;
        _coordinator = peer;
        Report(_stage, "", effects);
    }

    private void Report(PreparationState stage, string failure, List<RankEffect> effects) =>
        effects.Add(RankEffect.Send(_coordinator, new PreparationMessage(Operation, stage, _plan!.Next.Digest, _bytesMoved, _bytesTotal, failure)));

    /// <summary>A hook that ignores its token cannot be ended. Until it returns, this rank can take part in nothing new, and says so.</summary>
    private void FailIfHooksLast(TimeSpan now, List<RankEffect> effects)
    {
        if (_plan is null || !IsUndoing || now < _undoneSince + HookPatience)
            return;
        var what = _hook.Length > 0 ? $"its workload's {_hook} was cancelled" : "its rollback began";
        Report(PreparationState.Loading, $"rank {rank} still undoes operation '{_undone}': {what} {(now - _undoneSince).TotalSeconds:0.#} s ago and has not ended", effects);
        (_plan, _isLoading, _isDraining) = (null, false, false); // nothing of it has begun
    }

    private void Undo(TimeSpan now, List<RankEffect> effects)
    {
        member.DropPrepared(Operation);
        if (_isLoading || _isDraining)
        {
            (_undone, _undoneSince) = (Operation, now);
            effects.Add(new RankEffect(RankEffectKind.Rollback) { Operation = Operation, Flag = _isDraining });
        }

        _plan = null;
        (_stage, _isLoading, _isDraining) = (PreparationState.Loading, false, false);
    }
}
