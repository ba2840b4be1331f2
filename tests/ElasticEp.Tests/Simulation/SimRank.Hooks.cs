using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Runtime;
using ElasticEp.Scaling;

namespace ElasticEp.Tests.Simulation;

/// <summary>
/// What WeightsRunner does: it fetches, drains, rolls back and loads lost experts one after another, so that a hook that hangs keeps all
/// that comes after it from beginning.
/// </summary>
internal sealed partial class SimRank
{
    private readonly Queue<SimHook> _hooks = []; // the first one runs
    private readonly Dictionary<ulong, HashSet<ulong>> _named = []; // next view → the bases that came with it
    private SimHook? _drain;
    private SimHook? _reload;
    private bool _isWarm;
    private long _reloadMovedAt;
    private long _reloadEpoch;

    /// <summary>Whether a hook takes no notice of its token.</summary>
    public bool IsHung => _hooks.TryPeek(out var hook) && hook.IsHung;

    /// <summary>A Prepare has come; what it names as its base is what may be prepared upon.</summary>
    private void NoteBase(PrepareMessage prepare)
    {
        if (!_named.TryGetValue(prepare.Next.Digest, out var named))
            _named[prepare.Next.Digest] = named = [];
        named.Add(prepare.Base.Digest);
    }

    private void CheckBase(PreparationPlan plan)
    {
        var isNamed = !_named.TryGetValue(plan.Next.Digest, out var named) || named.Contains(plan.Base.Digest); // what this rank plans itself, nobody names
        SimChecks.Require(isNamed, $"rank {Rank} prepares {plan.Next} upon {plan.Base}, which no Prepare has named");
    }

    private void StartFetch(Fetch fetch) => Enqueue("", isOfOperation: true, hook => Fetch(hook, fetch.Plan, fetch.IsLeaver));

    private void Fetch(SimHook hook, PreparationPlan plan, bool isLeaver)
    {
        CheckBase(plan);
        if (_world.Faults.Reach(this, FaultPoints.BeforeAllocation))
            return;
        _weights.MakeRoom(plan, Core.Member.View);
        if (!isLeaver)
            _weights.Stage(plan);
        var fails = _world.HasTrouble(plan.Operation == "@birth" ? 0 : _world.Settings.LoadFailure);
        var parts = isLeaver ? 0 : _world.Random.Between(0, 3);
        var delay = 0L;
        for (var part = 1; part <= parts; part++)
        {
            delay += _world.Random.Delay(2_000);
            var moved = part;
            Continue(hook, delay, () =>
            {
                PostUnlessCancelled(hook, new FetchProgress(plan.Operation, plan.Next.Digest, moved, parts));
                if (!hook.IsCancelled)
                    _world.Faults.Reach(this, FaultPoints.InsideTransfer);
            });
        }

        delay += _world.Random.Delay(2_000);
        Continue(hook, delay, () =>
        {
            if (!hook.IsCancelled && !fails && !isLeaver)
                _weights.Fill();
            if (fails || _isWarm || !plan.Next.Contains(Identity.Id))
                EndFetch(hook, plan, fails);
            else
                WarmUp(hook, plan);
        });
    }

    private void WarmUp(SimHook hook, PreparationPlan plan)
    {
        hook.Name = "WarmUpAsync";
        Post(new HookEntered(hook.Name));
        Continue(hook, _world.Random.Delay(_world.HasTrouble(0.1) ? 200_000 : 1_000), () =>
        {
            _isWarm |= !hook.IsCancelled;
            EndFetch(hook, plan, fails: false);
        });
    }

    private void EndFetch(SimHook hook, PreparationPlan plan, bool fails)
    {
        EndHook(hook);
        PostUnlessCancelled(hook, fails ? new FetchFailed(plan.Operation, plan.Next.Digest, "checksum mismatch") : new Fetched(plan.Operation, plan.Next.Digest));
    }

    private void StartDrain(string operation) => Enqueue("OnLeavingAsync", isOfOperation: true, hook =>
    {
        _drain = hook;
        StartLeaving(operation);
    });

    /// <summary>The app has no requests left.</summary>
    private void EndDrain(string operation)
    {
        if (_drain is not { IsOver: false } hook)
            return; // it was cancelled meanwhile
        var fails = _world.HasTrouble(_world.Settings.DrainFailure);
        Continue(hook, TimeOf(hook), () =>
        {
            EndHook(hook);
            PostUnlessCancelled(hook, fails ? new DrainFailed(operation, "the hook threw") : new Drained(operation));
        });
    }

    private void StartRollback(Rollback rollback)
    {
        CancelOperation();
        _world.Coverage.Preempted += rollback.Operation == StandbyCore.Operation ? 1 : 0;
        Enqueue(rollback.HasDrained ? "OnLeaveCancelledAsync" : "", isOfOperation: false, hook =>
        {
            _weights.Unstage();
            CancelLeaving(rollback.HasDrained);
            Continue(hook, TimeOf(hook), () =>
            {
                EndHook(hook);
                Post(new RolledBack(rollback.Operation));
            });
        });
    }

    private void StartReload(GroupView view)
    {
        if (_world.Break.LoadsOnce && _reloadEpoch == view.Epoch)
            return;
        _reloadEpoch = view.Epoch;
        CancelOperation();
        if (_reload is { IsOver: false } before)
            Cancel(before);
        else
            _reloadMovedAt = _world.Clock.Now;
        _reload = Enqueue("LoadExpertAsync", isOfOperation: false, hook =>
        {
            var missing = _weights.StartReload(view);
            OnReloadMoved(new ReloadProgress(view.Epoch, 0));
            LoadNext(hook, view, missing, 0, _world.HasTrouble(0.03));
        });
    }

    private void LoadNext(SimHook hook, GroupView view, int[] missing, int loaded, bool isSlow)
    {
        if (loaded == missing.Length)
        {
            EndHook(hook);
            if (!hook.IsCancelled)
            {
                _weights.EndReload(view);
                OnReloadMoved(new Reloaded(view.Epoch));
            }

            return;
        }

        hook.IsHung = _world.TryHang(this);
        if (hook.IsHung)
            return; // it never returns
        var delay = isSlow ? SimSettings.SlowLoad : _world.Random.Delay(_world.HasTrouble(0.05) ? 100_000 : 5_000);
        Continue(hook, delay, () =>
        {
            if (_world.HasTrouble(_world.Faults.TakeReloadTrouble() ? 0.8 : _world.Settings.ReloadFailure))
            {
                EndHook(hook);
                if (!hook.IsCancelled)
                    OnReloadMoved(new ReloadFailed(view.Epoch, _world.Random.Pick<string>(["the disk is away", "the disk is full"])));
                return;
            }

            _weights.Load(missing[loaded]);
            if (!hook.IsCancelled)
                OnReloadMoved(new ReloadProgress(view.Epoch, loaded + 1));
            LoadNext(hook, view, missing, loaded + 1, isSlow);
        });
    }

    private void OnReloadMoved(ControlEvent e)
    {
        _reloadMovedAt = _world.Clock.Now;
        Post(e);
    }

    private void OnReloadTrouble(ShowReloadTrouble trouble)
    {
        if (!trouble.IsStuck)
            return;
        _world.Trace.Note(Rank, $"its load is stuck: {trouble.Reason}");
        _world.Coverage.StuckLoads++;
        SimChecks.Require(_world.Clock.Now - _reloadMovedAt >= SimSettings.RecoveryDeadline, $"rank {Rank} is to go, though its load gets on");
    }

    /// <summary>How long a leave hook takes, or undoing an operation. Now and then it ignores its token for a while.</summary>
    private long TimeOf(SimHook hook)
    {
        hook.IsHung = _world.TryHangForLong();
        return hook.IsHung ? _world.Random.Pick<long>([1_000_000, 3_000_000, SimSettings.Stuck]) : _world.Random.Delay(500);
    }

    private void CancelOperation()
    {
        foreach (var hook in _hooks.Where(hook => hook is { IsOfOperation: true, IsCancelled: false }).ToArray())
            Cancel(hook);
    }

    private void Cancel(SimHook hook)
    {
        hook.IsCancelled = true;
        if (hook is { HasBegun: true, IsHung: false })
            Continue(hook, _world.Random.Delay(500), () => EndHook(hook));
    }

    private SimHook Enqueue(string name, bool isOfOperation, Action<SimHook> begin)
    {
        var hook = new SimHook(name, isOfOperation, begin);
        _hooks.Enqueue(hook);
        if (_hooks.Count == 1)
            BeginNextHook();
        return hook;
    }

    private void BeginNextHook()
    {
        var hook = _hooks.Peek();
        Continue(hook, 1, () =>
        {
            if (hook.IsCancelled)
            {
                EndHook(hook);
                return;
            }

            hook.HasBegun = true;
            if (hook.Name.Length > 0)
                Post(new HookEntered(hook.Name));
            if (!hook.IsOver)
                hook.Begin();
        });
    }

    private void EndHook(SimHook hook)
    {
        if (hook.IsOver)
            return;
        (hook.IsOver, hook.IsHung) = (true, false);
        _hooks.Dequeue();
        if (hook is { HasBegun: true, Name.Length: > 0 })
            Post(new HookReturned());
        if (_hooks.Count > 0)
            BeginNextHook();
    }

    /// <summary>Goes on with a hook after some time, unless it is over by then.</summary>
    private void Continue(SimHook hook, long delay, Action then) => _world.Clock.After(delay, () => WhenAwake(() =>
    {
        if (IsAlive && !hook.IsOver)
            then();
    }));

    /// <summary>A completion may already be on its way when the operation is undone: the core must then ignore it.</summary>
    private void PostUnlessCancelled(SimHook hook, ControlEvent e)
    {
        if (!hook.IsCancelled || _world.Random.Chance(0.3))
            Post(e);
    }
}
