using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Recorder;
using ElasticEp.Scaling;
using ElasticEp.Steps;

namespace ElasticEp.Tests.Simulation;

/// <summary>A whole group in virtual time. One seed gives one schedule, always the same.</summary>
internal sealed class Simulation
{
    private const int MostEvents = 400_000;
    private const long LongestRun = 120_000_000;
    private const long LongestRepair = 10_000_000;
    private const long FaultGap = 12_000_000; // after a severe fault, before the next
    private const long EvictionTime = 3_000_000; // who was killed is in no view any more by then
    private readonly Dictionary<int, SimRank> _ranks = [];
    private readonly List<SimRank> _processes = [];
    private readonly ulong _seed;
    private readonly int _requests;
    private int _requestsLeft;
    private bool _isHealed;
    private long _linkDropGap;
    private int _linkDrops;
    private bool _hasKilled;
    private int _faultsLeft;
    private long _noFaultBefore;
    private long _calmAt;

    /// <param name="seed">The seed.</param>
    /// <param name="broken">What is broken on purpose.</param>
    /// <param name="isRecorded">Whether each process keeps all events of its core, for <see cref="TakeDumps"/>.</param>
    public Simulation(ulong seed, SimBreak? broken = null, bool isRecorded = false)
    {
        _seed = seed;
        Break = broken ?? new SimBreak();
        Random = new SimRandom(seed);
        Passive = SimRandom.Mix(seed) % 2 == 0 ? new SimRandom(SimRandom.Mix(seed)) : null;
        Settings = new SimSettings(Random) { FlightRecorderEvents = isRecorded ? MostEvents : 0 };
        Trace = new SimTrace(Clock);
        Network = new SimNetwork(this);
        Store = new SimStore(this);
        FrontEnd = new SimFrontEnd(this);
        Launcher = new SimLauncher(this);
        Clients = new SimClients(this);
        Checks = new SimChecks(this);
        Replicas = new SimReplicas(this);
        Faults = new SimFaults(this, seed);
        Misnaming = new SimMisnaming(this, seed);
        _requestsLeft = _requests = Faults.IsArmed ? Math.Max(3, Settings.Requests) : Settings.Requests; // one of them is to come as far as the process that is to be killed
        _faultsLeft = 3;
    }

    public SimBreak Break { get; }

    public SimRandom Random { get; }

    /// <summary>Decides which copies of experts are passive; null when none are. Of its own, so that nothing else of a seed depends on it.</summary>
    public SimRandom? Passive { get; }

    public SimSettings Settings { get; }

    public SimClock Clock { get; } = new();

    public SimTrace Trace { get; }

    public SimNetwork Network { get; }

    public SimStore Store { get; }

    public SimFrontEnd FrontEnd { get; }

    public SimLauncher Launcher { get; }

    public SimClients Clients { get; }

    public SimChecks Checks { get; }

    public SimReplicas Replicas { get; }

    public SimFaults Faults { get; }

    public SimMisnaming Misnaming { get; }

    public SimCoverage Coverage { get; } = new();

    public int Events { get; private set; }

    public IEnumerable<SimRank> Processes => _processes;

    /// <summary>The newest process of a rank.</summary>
    public SimRank? Find(int rank) => _ranks.GetValueOrDefault(rank);

    public SimRank? Find(MemberId id) => _processes.Find(process => process.Identity.Id == id);

    /// <summary>Whether the group has got over every severe fault.</summary>
    public bool IsCalm => Clock.Now >= _calmAt;

    public bool HasTrouble(double probability) => !_isHealed && Random.Chance(probability);

    public SimRank StartRank(int rank, bool wantsBirth, string? address = null)
    {
        var process = AddHanging(rank, address);
        Clock.After(Random.Delay(1_000), () =>
        {
            if (process.IsAlive)
                process.Start(wantsBirth);
        });
        return process;
    }

    /// <summary>A process that never registers.</summary>
    public SimRank AddHanging(int rank, string? address = null)
    {
        var process = new SimRank(this, rank, _processes.Count + 1, address);
        _processes.Add(process);
        _ranks[rank] = process;
        return process;
    }

    /// <summary>Runs the seed.</summary>
    /// <exception cref="SimulationException">An invariant does not hold; the message has the seed and the last events.</exception>
    public void Run()
    {
        try
        {
            RunScenario();
        }
        catch (Exception exception)
        {
            throw new SimulationException($"seed {_seed} at {Clock.Now} µs, step {Checks.MaxReleased}: {exception.Message}\n{Trace}\n{Describe()}", exception);
        }
    }

    /// <summary>What each process has seen and done.</summary>
    public IEnumerable<Dump> TakeDumps() => _processes.Select(process => process.Recorder.TakeDump($"seed{_seed}", "the seed has ended", DateTimeOffset.UnixEpoch + Clock.Time)).OfType<Dump>();

    private void RunScenario()
    {
        Launcher.Start();
        Clients.Start();
        FrontEnd.Start();
        if (HasTrouble(Settings.BirthTrouble))
            Clock.After(Random.Delay(20_000), () => KillBeforeBirth(Random.Below(Settings.InitialRanks)));
        MakeTraffic();
        _linkDropGap = Settings.LinkDropGap == 0 && Faults is { IsArmed: true, Occasion: SimOccasion.Recovery } ? 50_000 : Settings.LinkDropGap; // a process that is to be killed in a recovery finds some
        if (_linkDropGap > 0)
            Clock.After(Random.Delay(_linkDropGap), DropLinks);
        RunUntilQuiet();
        CheckWakes();

        var clean = Clients.RequestCleanly();
        FrontEnd.Arrive(4, 8);
        RunUntilQuiet();
        SimChecks.Require(clean.IsCompleted, $"an operation that nothing hindered ended as {clean.Outcome ?? "unknown"}");
        if (Settings.IsStoppedAtEnd || Faults is { IsArmed: true, Occasion: SimOccasion.Stop })
        {
            FrontEnd.Arrive(Random.Below(3), 20);
            var stop = Clients.AskToStop();
            RunUntilQuiet();
            SimChecks.Require(stop.IsCompleted && FrontEnd.HasEnded, $"stopping the group ended as {stop.Outcome ?? "unknown"}");
        }

        SimChecks.Require(Coverage.Reloads < 500 + (_linkDrops * SimSettings.MaxRanks), "ranks are told again and again to load the same experts");
        SimChecks.Require(Checks.MaxReleased >= 50, $"only {Checks.MaxReleased} steps ran");
        SimChecks.Require(Checks.Transitions >= 1, "there was no transition");
    }

    /// <summary>A notification in an idle group gives exactly one step, and no more.</summary>
    private void CheckWakes()
    {
        var (before, epoch) = (Checks.MaxReleased, Store.Record.View.Epoch);
        Find(Store.Record.View.Members[0].Rank)!.Post(RankEvent.WorkNotified);
        RunUntilQuiet();
        if (Store.Record.View.Epoch == epoch) // else a repair that was tried again has run steps, too
            SimChecks.Require(Checks.MaxReleased == before + 1, $"one notification ran {Checks.MaxReleased - before} steps");
    }

    private void MakeTraffic()
    {
        SimChecks.Require(Clock.Now < LongestRun, "the group makes no progress");
        if (_requestsLeft > 0 && Checks.MaxReleased >= Settings.TargetSteps * (_requests - _requestsLeft) / _requests && Random.Chance(0.3) && Store.Record.View.Epoch > 0)
        {
            _requestsLeft--;
            Clients.RequestSomething();
        }

        var awaitsRepair = _hasKilled && Faults is { IsArmed: true, Occasion: SimOccasion.Repair } && Clock.Now < LongestRepair; // it begins some seconds after the kill
        if (Checks.MaxReleased >= Settings.TargetSteps && _requestsLeft == 0 && Clients.AllKnown && !awaitsRepair)
        {
            _isHealed = true;
            return;
        }

        if (Checks.MaxReleased < Settings.TargetSteps + 40 && FrontEnd.Running < 12)
            FrontEnd.Arrive(Random.Between(0, 3), 8);
        MakeFault();
        if (HasTrouble(Settings.Revocation))
            FrontEnd.RevokeOne();
        Clock.After(Random.Delay(Random.Chance(0.1) ? 50_000 : 5_000), MakeTraffic);
    }

    /// <summary>A delegate that is to end may ignore it.</summary>
    public bool TryStick(SimRank rank)
    {
        if (!MayFault(rank) || !HasTrouble(Settings.Stick))
            return false;
        Trace.Note(rank.Rank, "its delegate is stuck");
        CountFault(SimSettings.Stuck);
        return true;
    }

    /// <summary>The app may stop calling for steps for a while.</summary>
    public bool TryStayAway(SimRank rank)
    {
        if (!MayFault(rank) || !HasTrouble(Settings.Absence))
            return false;
        Trace.Note(rank.Rank, "its app stays away");
        rank.IsAway = true;
        CountFault(SimSettings.Stuck);
        return true;
    }

    /// <summary>A hook may never return when it loads lost experts, as long as others can go on without its rank.</summary>
    public bool TryHang(SimRank rank)
    {
        if (!HasTrouble(Settings.Hang) || !Others(rank).Any(IsWell))
            return false;
        Trace.Note(rank.Rank, "its load hangs");
        CountFault(SimSettings.Stuck);
        return true;
    }

    /// <summary>Any other hook may not return for long, unless there is a rank that waits for the others to go on without it.</summary>
    public bool TryHangForLong() => HasTrouble(Settings.Hang / 5) && !_processes.Exists(process => process is { IsAlive: true, IsHung: true });

    /// <summary>Severe faults come one after another: what has not ended yet and the next together may leave nobody.</summary>
    private void MakeFault()
    {
        if (!_hasKilled && (!Faults.IsArmed || Faults.IsSecond) && HasTrouble(Faults.NeedsKill ? 0.5 : Settings.Kill) && PickVictim() is { } killed)
        {
            _hasKilled = true;
            Kill(killed);
            if (_faultsLeft > 1 && Random.Chance(0.3) && PickVictim() is { } second)
                Kill(second);
            CountFault(0);
            return;
        }

        var members = Store.Record.View.Members.Select(member => Find(member.Id)).OfType<SimRank>().Where(MayFault).ToArray();
        if (members.Length == 0)
            return;
        var victim = Random.Pick(members);
        if (HasTrouble(Settings.StoreLoss))
        {
            if (Random.Chance(0.3))
                Store.GoBack();
            else
                Store.LoseState();
            if (Random.Chance(0.3))
                Kill(victim);
            CountFault(0);
        }
        else if (HasTrouble(Settings.Pause))
        {
            var duration = Random.Pick<long>([100_000, 1_000_000, 2_500_000, 7_000_000, 26_000_000]);
            if (Random.Chance(0.5))
                victim.Pause(duration);
            else
                victim.Wedge(duration);
            CountFault(duration);
        }
        else if (members.Length > 1 && HasTrouble(Settings.Block))
        {
            var duration = Random.Pick<long>([200_000, 1_000_000, 3_000_000, 7_000_000, 26_000_000]);
            var pairs = Random.Between(1, 2);
            for (var pair = 0; pair < pairs; pair++)
                BlockPair(members, duration);
            CountFault(duration);
        }
    }

    /// <summary>One way, or both.</summary>
    private void BlockPair(SimRank[] members, long duration)
    {
        var one = Random.Pick(members);
        var other = Random.Pick(members.Where(member => member != one).ToArray());
        Network.Block(one, other, duration);
        if (Random.Chance(0.5))
            Network.Block(other, one, duration);
    }

    private SimRank? PickVictim()
    {
        var members = Store.Record.View.Members.Select(member => Find(member.Id)).OfType<SimRank>().Where(MayDie).ToArray();
        return members.Length == 0 ? null : Random.Pick(members);
    }

    /// <summary>While others deal with what has gone wrong with it, if it may die then.</summary>
    public void KillSoon(SimRank victim, long delay) => Clock.After(delay, () =>
    {
        if (_isHealed || !MayDie(victim))
            return;
        _hasKilled = true;
        Kill(victim);
        CountFault(0);
    });

    private void Kill(SimRank process)
    {
        Checks.Killed(process);
        process.End(isGraceful: false, Random.Chance(0.5));
        if (HasTrouble(Settings.Restart))
            RestartLater(process, Random.Pick<long>([200_000, 1_000_000, 5_000_000]));
    }

    /// <summary>As whoever supervises external workers does: the new process knows nothing of the old one.</summary>
    private void RestartLater(SimRank killed, long delay) => Clock.After(delay, () =>
    {
        if (Find(killed.Rank) != killed || Store.Record.View.IsTerminal)
            return; // a launcher was first
        Trace.Note(killed.Rank, "is started again");
        Coverage.Restarts++;
        StartRank(killed.Rank, killed.WantsBirth, Random.Chance(0.5) ? killed.Address : null).IsExternal = true;
    });

    /// <summary>At a birth any process may; later, as <see cref="MayDie"/> says.</summary>
    /// <param name="victim">The process.</param>
    /// <param name="isSecond">Whether it may die right after another fault.</param>
    public bool MayDieAtAPoint(SimRank victim, bool isSecond) => IsStopping
        ? victim.IsAlive && (Store.Record.View.IsTerminal || Store.Record.View.Members.Any(other => other.Rank != victim.Rank && Find(other.Id) is { IsAlive: true }))
        : !_isHealed && (Store.Record.View.Epoch == 0 ? Settings.InitialRanks > 1 && victim.IsAlive : MayDie(victim) || (isSecond && victim.IsAlive && !Store.Record.View.IsTerminal && Others(victim).Any(IsWell)));

    private bool IsStopping => Store.Record is { Pending.Kind: OperationKind.Stop } or { View.IsTerminal: true };

    /// <summary>Whether it can lead, and is about to be evicted by nobody.</summary>
    private bool IsWell(SimRank process) =>
        process is { IsPaused: false, Core.Member.IsFresh: false } && Store.Record.View.Members.All(other => Find(other.Id) is not { IsAlive: true } living || !living.Core.Peers.IsLost(process.Identity.Id));

    public void KillAtAPoint(SimRank victim)
    {
        _hasKilled = true;
        if (Store.Record.View.Epoch > 0)
        {
            Kill(victim);
        }
        else
        {
            victim.End(isGraceful: false, Random.Chance(0.5));
            RestartLater(victim, Random.Pick<long>([1_000, 200_000, 1_000_000])); // the group cannot begin without it
        }

        CountFault(0);
    }

    /// <summary>The first view may have it already.</summary>
    private void KillBeforeBirth(int rank)
    {
        if (Store.Record.View.Epoch > 0 || Find(rank) is not { IsReachable: true } victim || Find(0)?.Core.Coordinator.Operation is not { Phase: var phase } || phase >= OperationPhase.Committing)
            return;
        CountFault(0);
        victim.End(isGraceful: false);
        RestartLater(victim, Random.Pick<long>([1_000, 200_000, 1_000_000]));
    }

    private void CountFault(long duration)
    {
        (_faultsLeft, _noFaultBefore) = (_faultsLeft - 1, Math.Max(_noFaultBefore, Clock.Now + duration + FaultGap));
        _calmAt = Math.Max(_calmAt, duration > 0 ? _noFaultBefore : Clock.Now + EvictionTime);
    }

    /// <summary>
    /// Any member may fail as long as another one lives that is wanted after the operation under way and has been in a step: what a
    /// joiner that nobody has started yet knows of its peers is only whether their processes end.
    /// </summary>
    private bool MayFault(SimRank victim) => MayDie(victim) && Others(victim).Any(other => !other.Core.Member.IsFresh);

    /// <summary>Any member may die as long as another one lives that is wanted after the operation under way.</summary>
    private bool MayDie(SimRank victim) => _faultsLeft > 0 && Clock.Now >= _noFaultBefore && victim.IsAlive && !Store.Record.View.IsTerminal && Others(victim).Any();

    private IEnumerable<SimRank> Others(SimRank victim) => Store.Record.View.Members
        .Where(member => member.Rank != victim.Rank && Store.Record.Pending?.Target.Contains(member.Rank) != false)
        .Select(member => Find(member.Id)).OfType<SimRank>().Where(other => other is { IsAlive: true, IsHung: false, IsAway: false, IsEnding: false });

    private void DropLinks()
    {
        if (_isHealed)
            return;
        Network.DropRandom();
        _linkDrops++;
        Clock.After(Random.Delay(_linkDropGap), DropLinks);
    }

    private void RunUntilQuiet()
    {
        while (!Clock.IsIdle)
        {
            Clock.RunNext();
            if (++Events > MostEvents)
                throw new SimulationException("the group does not come to rest");
        }

        CheckQuiet();
        CheckRepaired();
    }

    /// <summary>Copies that were lost are there again, and who waits has the place of a member that was lost, unless the coordinator is about to try that again.</summary>
    private void CheckRepaired()
    {
        var record = Store.Record;
        if (record.View.IsTerminal || Find(record.View.Find(record.View.Coordinator)!.Id)!.Core.Coordinator.WakeAt is not null)
            return;
        SimChecks.Require(!record.IsDamaged, $"{record.View} is still damaged");
        var waiting = _processes.Where(process => process is { IsReachable: true, IsWaiting: true } && !record.View.Contains(process.Rank)).Select(process => process.Rank).ToArray();
        SimChecks.Require(record.View.Members.Length >= record.Wanted || waiting.Length == 0, $"rank {string.Join(", ", waiting)} waits, and {record.View} has fewer members than the {record.Wanted} that are wanted");
    }

    private void CheckQuiet()
    {
        var record = Store.Record;
        SimChecks.Require(!Store.HasLostRecord, $"nobody has brought {record.View} back");
        foreach (var ask in Clients.Requests)
            SimChecks.Require(ask.Outcome is not null, $"operation {ask.Request.Id} has no outcome");
        SimChecks.Require(record.Pending is null, $"operation {record.Pending?.Id} is still pending");
        FrontEnd.CheckAllOver();
        CheckStandbys(record.View);
        foreach (var process in _processes.Where(process => process is { IsAlive: true, IsWaiting: false }))
            SimChecks.Require(record.View.Find(process.Rank) == process.Identity, $"rank {process.Rank} runs on outside of {record.View}");
        foreach (var member in record.View.Members)
        {
            var core = Find(member.Rank)!.Core;
            SimChecks.Require(core.Member.Phase == MemberPhase.Idle, $"rank {member.Rank} is {core.Member.Phase}, not idle");
            SimChecks.Require(core.Member.View.Digest == record.View.Digest, $"rank {member.Rank} is in {core.Member.View}, the record says {record.View}");
            SimChecks.Require(core.Coordinator.IsActive == (member.Rank == record.View.Coordinator), $"rank {member.Rank} and the coordinator of {record.View} differ on who coordinates");
            SimChecks.Require(record.IsCompleted || record.View.IsTerminal, $"{record.View} is not recorded as Completed");
            SimChecks.Require(core.Preparation.Operation.Length == 0, $"rank {member.Rank} still prepares {core.Preparation.Operation}");
        }
    }

    /// <summary>Whoever waits holds all that it has slots for, or is about to try that again.</summary>
    private void CheckStandbys(GroupView view)
    {
        foreach (var process in _processes.Where(process => process is { IsReachable: true, IsWaiting: true, Core.Standby.WakeAt: null } && !view.IsTerminal && !view.Contains(process.Rank)))
            SimChecks.Require(process.Core.Standby.State is { HasDense: true, Held: SimPlanner.Experts }, $"rank {process.Rank} waits outside of {view} and holds {process.Core.Standby.State?.ToString() ?? "nothing"}");
    }

    private string Describe() => string.Concat(Clients.Requests.Select(ask => $"{ask.Request}: {ask.Outcome ?? "unknown"}\n")) + string.Join("\n", _processes.Where(process => process.IsAlive).Select(process =>
        $"rank {process.Rank}: {process.Core.Member.Phase} {process.Core.Member.View} step {process.Core.Member.Step} completed {process.Core.Member.LastCompleted}, " +
        $"connected [{string.Join(' ', _processes.Where(other => process.Core.Peers.IsConnected(other.Identity.Id)).Select(other => other.Rank))}], coordinates {process.Core.Coordinator.IsActive} {process.Core.Coordinator.Operation?.Phase} {process.Core.Coordinator.Operation?.Id} " +
        $"recovery {process.Core.Coordinator.Recovery?.Id} {process.Core.Coordinator.Recovery?.Phase} answers [{string.Join(' ', process.Core.Coordinator.Recovery?.Answers.Keys.Select(from => from.Rank) ?? [])}] next at {process.Core.Coordinator.WakeAt}, lost [{string.Join(' ', _processes.Select(other => (other.Rank, Loss: process.Core.Peers.LossOf(other.Identity.Id))).Where(other => other.Loss is not null))}], requests {process.DescribeRequests()}, prepares {process.Core.Preparation.Operation}"));
}
