using ElasticEp.Events;
using ElasticEp.Hosting.Launching;
using ElasticEp.Protocol;
using ElasticEp.Scaling;
using ElasticEp.Steps;

namespace ElasticEp.Tests.Simulation;

/// <summary>The real <see cref="LaunchCore"/>, and a driver that starts and ends its processes in the simulated world, where launches fail and reports are lost.</summary>
internal sealed class SimLauncher(Simulation world)
{
    private const long StopTime = 50_000;
    private const long ReportTime = 4_500_000; // a report that was lost twice, and came once while the record was not known, has come again by then

    private readonly LaunchCore _core = new(new LaunchPlan("sim", world.Settings.InitialRanks, SimSettings.MaxRanks, world.Settings.Standbys), TimeSpan.FromMicroseconds(SimSettings.OperationDeadline));
    private readonly HashSet<long> _starting = [];
    private readonly Dictionary<long, SimRank> _running = [];
    private readonly HashSet<SimRank> _standbys = [];
    private readonly HashSet<(string Operation, int Rank)> _reported = [];
    private readonly HashSet<(string Operation, int Rank)> _lost = []; // whose last report was lost
    private GroupRecord _record = GroupRecord.Unborn;
    private TimeSpan? _tick;

    public void Start() => world.Store.SubscribeClient(OnRecord, mayMerge: true);

    /// <summary>Whether it was started ahead of any operation, and none has taken it.</summary>
    public bool IsStandby(SimRank process) => _standbys.Contains(process);

    /// <summary>A process has ended, by itself or because it was killed.</summary>
    public void OnEnded(SimRank process)
    {
        foreach (var (launch, _) in _running.Where(running => running.Value == process).ToArray())
            world.Clock.After(world.Random.Delay(300), () => Post(new LaunchEvent.Ended(process.Rank, launch, (int)process.Identity.Incarnation, "exited")));
    }

    /// <summary>A process has registered.</summary>
    public void OnRegistered(SimRank process)
    {
        if (_running.ContainsValue(process))
            Post(new LaunchEvent.Registered(process.Identity.Id));
    }

    private void OnRecord(GroupRecord record)
    {
        _record = record;
        Post(new LaunchEvent.Record(record));
    }

    private void Post(LaunchEvent e)
    {
        var effects = new List<LaunchEffect>();
        _core.Handle(e, world.Clock.Time, effects);
        foreach (var effect in effects)
            Apply(effect);
        if (_core.WakeAt is not { } wakeAt || wakeAt == _tick)
            return;
        _tick = wakeAt;
        world.Clock.At(wakeAt.Ticks / TimeSpan.TicksPerMicrosecond, () =>
        {
            if (_tick == wakeAt)
                _tick = null;
            if (_core.WakeAt <= world.Clock.Time)
                Post(new LaunchEvent.Tick());
        }, isBackground: true);
    }

    private void Apply(LaunchEffect effect)
    {
        world.Trace.Note(-1, $"launcher: {effect}");
        switch (effect)
        {
            case LaunchEffect.Start start when start.Rank.Operation == LaunchPlan.Standby && !world.Settings.Replaces && !AwaitsRepair:
                world.Clock.After(1, () => Fail(start, "there is no room"), isBackground: true);
                break;
            case LaunchEffect.Start start:
                _starting.Add(start.Launch);
                world.Clock.After(world.Random.Delay(3_000), () => Launch(start));
                break;
            case LaunchEffect.Cancel cancel:
                world.Clock.After(world.Random.Delay(300), () =>
                {
                    if (_starting.Remove(cancel.Launch))
                        Post(new LaunchEvent.Failed(cancel.Rank, cancel.Launch, "it was cancelled"));
                });
                break;
            case LaunchEffect.Stop stop:
                _running[stop.Launch].IsEnding = true;
                world.Clock.After(world.Random.Delay(StopTime), () =>
                {
                    _running[stop.Launch].End(isGraceful: world.Random.Chance(0.5));
                    Post(new LaunchEvent.Stopped(stop.Rank, stop.Launch));
                });
                break;
            case LaunchEffect.Adopted adopted:
                _standbys.RemoveWhere(standby => standby.Rank == adopted.Rank);
                break;
            case LaunchEffect.ReportLaunchFailure report:
                Report(report);
                break;
            case LaunchEffect.ReportProcessEnded ended:
                if (world.HasTrouble(0.5)) // it may come late, or never
                    world.Clock.After(world.Random.Pick<long>([500, 100_000, 5_000_000]), () => Report(ended));
                break;
            case LaunchEffect.GiveUp give:
                throw new SimulationException($"the launcher gives up: {give.Reason}");
        }
    }

    private void Launch(LaunchEffect.Start start)
    {
        if (!_starting.Contains(start.Launch))
            return;
        var rank = start.Rank.Rank;
        if (world.Find(rank) is { IsReachable: true, Core.Member.Phase: not MemberPhase.Gone } other)
        {
            // Somebody else has started it again.
            if (other.Core.Member.View.Epoch == 0)
                Run(start, other);
            else
                Fail(start, "another process has its number");
            return;
        }

        world.Find(rank)?.End(isGraceful: false);
        if (_record.View.Epoch > 0 && !AwaitsRepair && world.HasTrouble(world.Settings.LaunchTrouble))
            Misfire(start);
        else
            Run(start, world.StartRank(rank, wantsBirth: rank == 0));
    }

    /// <summary>Whether a process is to be killed in a repair, which there has to be first.</summary>
    private bool AwaitsRepair => world.Faults is { IsArmed: true, Occasion: SimOccasion.Repair };

    private void Misfire(LaunchEffect.Start start)
    {
        var rank = start.Rank.Rank;
        world.Trace.Note(rank, "is launched with trouble");
        switch (world.Random.Below(4))
        {
            case 0:
                Fail(start, "no memory");
                break;
            case 1:
                break; // its start hangs
            case 2:
                Run(start, world.AddHanging(rank)); // it never registers
                break;
            default:
                // It registers and then dies before it is admitted.
                var process = world.StartRank(rank, wantsBirth: false);
                Run(start, process);
                world.Clock.After(world.Random.Delay(6_000), () =>
                {
                    if (process.Core.Member.View.Epoch == 0 && process.Core.Preparation.State == PreparationState.Fetching)
                        process.End(isGraceful: false);
                });
                break;
        }
    }

    private void Run(LaunchEffect.Start start, SimRank process)
    {
        _starting.Remove(start.Launch);
        (_running[start.Launch], process.IsExternal) = (process, false);
        if (start.Rank.Operation == LaunchPlan.Standby)
            _standbys.Add(process);
        Post(new LaunchEvent.Started(process.Rank, start.Launch));
        if (process.HasRegistered)
            Post(new LaunchEvent.Registered(new MemberId(process.Rank, long.MaxValue))); // it was there before the launch
    }

    private void Fail(LaunchEffect.Start start, string reason)
    {
        _starting.Remove(start.Launch);
        Post(new LaunchEvent.Failed(start.Rank.Rank, start.Launch, reason));
    }

    /// <summary>To who coordinates, unless it is lost; not twice in a row.</summary>
    private void Report(LaunchEffect.ReportLaunchFailure report)
    {
        var failure = (report.Operation, report.Rank);
        var isFirst = _reported.Add(failure);
        if (isFirst)
            CheckEnds(failure, world.Store.Record.View.Epoch);
        else if (world.Break.ReportsLaunchFailuresOnce)
            return;
        if (!_lost.Remove(failure) && world.HasTrouble(0.3))
            _lost.Add(failure);
        else
            world.Clock.After(world.Random.Delay(300), () => world.Find(report.Coordinator)?.Post(new MessageReceived(new MemberId(-9, 1), new LaunchFailedMessage(report.Operation, report.Rank, report.Reason))));
    }

    /// <summary>An operation whose joiner could not be started ends soon, not at its deadline; after a fault it is as soon as there is a coordinator.</summary>
    private void CheckEnds((string Operation, int Rank) failure, long epoch) => world.Clock.After(ReportTime, () =>
    {
        if (!LaunchFailures.IsAwaited(world.Store.Record, failure.Operation, failure.Rank))
            return;
        SimChecks.Require(!world.IsCalm || world.Store.Record.View.Epoch != epoch, $"operation {failure.Operation} still waits for rank {failure.Rank}, which could not be started");
        CheckEnds(failure, world.Store.Record.View.Epoch);
    }, isBackground: true);

    private void Report(LaunchEffect.ReportProcessEnded ended)
    {
        var message = new ProcessEndedMessage(new MemberId(ended.Rank, ended.ProcessId!.Value), ended.How);
        foreach (var member in world.Store.Record.View.Members)
        {
            if (world.Find(member.Id) is { IsReachable: true } rank)
                rank.Post(new MessageReceived(new MemberId(-1, 1), message));
        }
    }
}
