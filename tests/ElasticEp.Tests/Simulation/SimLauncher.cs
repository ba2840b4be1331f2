using ElasticEp.Events;
using ElasticEp.Hosting;
using ElasticEp.Protocol;
using ElasticEp.Steps;

namespace ElasticEp.Tests.Simulation;

/// <summary>Starts the processes that <see cref="LaunchPlan"/> wants, ends those that it does not, and reports what it sees of them.</summary>
internal sealed class SimLauncher(Simulation world)
{
    private const long Grace = 50_000;
    private const long ReplacementDelay = 500_000;

    private readonly LaunchPlan _plan = new("sim", world.Settings.InitialRanks, SimSettings.MaxRanks, world.Settings.Standbys);
    private readonly Dictionary<SimRank, string> _startedFor = [];
    private readonly HashSet<int> _starting = []; // ranks whose process is being started, or is waited with
    private readonly HashSet<(string Operation, int Rank)> _failed = [];
    private GroupRecord _record = GroupRecord.Unborn;

    public void Start() => world.Store.Subscribe(OnRecord, () => true, mayMerge: false);

    /// <summary>Whether it was started ahead of any operation, and none has taken it.</summary>
    public bool IsStandby(SimRank process) => _startedFor.GetValueOrDefault(process) == LaunchPlan.Standby;

    /// <summary>A process has ended, by itself or because it was killed.</summary>
    public void OnEnded(SimRank process)
    {
        if (!_startedFor.Remove(process, out var operation))
            return;
        if (_record.Pending is { IsCommitted: false } pending && pending.Id == operation && pending.Joiners.Contains(process.Rank))
        {
            Fail(operation, process.Rank, "it ended before it was admitted");
            return;
        }

        _starting.Add(process.Rank); // the others recover first
        TryLater(process.Rank);
    }

    /// <summary>Tells the members that there are then that a process has ended; it may come late, or never.</summary>
    public void SeeEnd(SimRank process)
    {
        if (!process.IsExternal && world.HasTrouble(0.5))
            world.Clock.After(world.Random.Pick<long>([500, 100_000, 5_000_000]), () => Tell(new ProcessEndedMessage(process.Identity.Id, "was seen to end")));
    }

    private void Tell(ProcessEndedMessage ended)
    {
        foreach (var member in world.Store.Record.View.Members)
        {
            if (world.Find(member.Id) is { IsReachable: true } rank)
                rank.Post(new MessageReceived(new MemberId(-1, 1), ended));
        }
    }

    private void OnRecord(GroupRecord record)
    {
        _record = record;
        _failed.RemoveWhere(failed => failed.Operation != record.Pending?.Id);
        Reconcile();
    }

    private void Reconcile()
    {
        if (_record.View.Epoch == 0)
            return; // the world starts the first ranks
        foreach (var process in world.Processes.Where(process => process.IsAlive).ToArray())
        {
            if (_startedFor.TryGetValue(process, out var operation) && LaunchPlan.IsAdopted(_record, process.Rank, operation))
                _startedFor[process] = _record.Pending!.Id;
            if (!IsWanted(process))
                EndLater(process);
        }

        foreach (var launch in _plan.Wanted(_record).Where(launch => MayStart(launch.Rank, launch.Operation)).ToArray())
        {
            _starting.Add(launch.Rank);
            world.Clock.After(world.Random.Delay(3_000), () => Launch(launch.Rank, launch.Operation));
        }
    }

    private bool MayStart(int rank, string operation) =>
        !_starting.Contains(rank)
        && !_failed.Contains((operation, rank))
        && (operation != LaunchPlan.Standby || world.Settings.Replaces)
        && !IsThere(rank);

    /// <summary>Whether a process has the rank, somebody else's too, that has not ended its part.</summary>
    private bool IsThere(int rank) => world.Find(rank) is { IsAlive: true } process && (_startedFor.ContainsKey(process) || (process.IsReachable && process.Core.Member.Phase != MemberPhase.Gone));

    private bool IsWanted(SimRank process)
    {
        if (_record.View.Find(process.Rank) is { } member)
            return member == process.Identity;
        if (process.IsExternal && process.Core.Member.View.Epoch == 0 && !_record.View.IsTerminal)
            return true; // somebody else looks after it
        if (_startedFor.TryGetValue(process, out var operation))
            return _plan.IsWanted(_record, process.Rank, operation);
        return _record.Pending?.Leavers.Contains(process.Rank) == true; // one of the first, or external
    }

    private void EndLater(SimRank process, int times = 20) => world.Clock.After(world.Random.Delay(_record.View.IsTerminal ? 10 * Grace : Grace), () =>
    {
        if (!process.IsAlive || IsWanted(process))
            return;
        // The next operation may have taken it meanwhile: it has time for that, but for the unlucky, who are not tried here.
        if (process.Core.Preparation.Operation.Length > 0 && times > 0)
            EndLater(process, times - 1);
        else
            process.End(isGraceful: world.Random.Chance(0.5));
    });

    private void Launch(int rank, string operation)
    {
        _starting.Remove(rank);
        if (!_plan.Wanted(_record).Any(launch => (launch.Rank, launch.Operation) == (rank, operation)) || IsThere(rank))
            return;
        world.Find(rank)?.End(isGraceful: false);
        if (world.HasTrouble(world.Settings.LaunchTrouble))
            Misfire(rank, operation);
        else
            _startedFor[world.StartRank(rank, wantsBirth: false)] = operation;
    }

    private void Misfire(int rank, string operation)
    {
        world.Trace.Note(rank, "is launched with trouble");
        switch (world.Random.Below(3))
        {
            case 0:
                Fail(operation, rank, "no memory");
                break;
            case 1:
                var hung = world.AddHanging(rank);
                _startedFor[hung] = operation;
                if (operation == LaunchPlan.Standby)
                    world.Clock.After(500_000, () => hung.End(isGraceful: false)); // an operation would end it
                break;
            default:
                // It registers and then dies before it is admitted.
                var process = world.StartRank(rank, wantsBirth: false);
                _startedFor[process] = operation;
                world.Clock.After(world.Random.Delay(6_000), () =>
                {
                    if (process.Core.Member.View.Epoch == 0 && process.Core.Preparation.State == PreparationState.Fetching)
                        process.End(isGraceful: false);
                });
                break;
        }
    }

    private void Fail(string operation, int rank, string reason)
    {
        if (operation != LaunchPlan.Standby)
        {
            _failed.Add((operation, rank));
            world.Clients.Tell(new LaunchFailedMessage(operation, rank, reason));
        }

        _starting.Add(rank);
        TryLater(rank);
    }

    private void TryLater(int rank) => world.Clock.After(ReplacementDelay, () =>
    {
        _starting.Remove(rank);
        Reconcile();
    });
}
