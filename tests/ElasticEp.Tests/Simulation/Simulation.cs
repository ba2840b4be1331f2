using ElasticEp.Events;
using ElasticEp.Steps;

namespace ElasticEp.Tests.Simulation;

/// <summary>A whole group in virtual time. One seed gives one schedule, always the same.</summary>
internal sealed class Simulation
{
    private const int MostEvents = 200_000;
    private const long LongestRun = 20_000_000;
    private readonly Dictionary<int, SimRank> _ranks = [];
    private readonly List<SimRank> _processes = [];
    private readonly ulong _seed;
    private int _asksLeft;
    private bool _isHealed;
    private bool _hasKilled;

    public Simulation(ulong seed, SimBreak? broken = null)
    {
        _seed = seed;
        Break = broken ?? new SimBreak();
        Random = new SimRandom(seed);
        Settings = new SimSettings(Random);
        Trace = new SimTrace(Clock);
        Network = new SimNetwork(this);
        Store = new SimStore(this);
        FrontEnd = new SimFrontEnd(this);
        Launcher = new SimLauncher(this);
        Clients = new SimClients(this);
        Checks = new SimChecks(this);
        _asksLeft = Settings.Asks;
    }

    public SimBreak Break { get; }

    public SimRandom Random { get; }

    public SimSettings Settings { get; }

    public SimClock Clock { get; } = new();

    public SimTrace Trace { get; }

    public SimNetwork Network { get; }

    public SimStore Store { get; }

    public SimFrontEnd FrontEnd { get; }

    public SimLauncher Launcher { get; }

    public SimClients Clients { get; }

    public SimChecks Checks { get; }

    public SimCoverage Coverage { get; } = new();

    public int Events { get; private set; }

    public IEnumerable<SimRank> Processes => _processes;

    /// <summary>The newest process of a rank.</summary>
    public SimRank? Find(int rank) => _ranks.GetValueOrDefault(rank);

    public SimRank? Find(MemberId id) => _processes.Find(process => process.Identity.Id == id);

    public bool HasTrouble(double probability) => !_isHealed && Random.Chance(probability);

    public SimRank StartRank(int rank, bool wantsBirth)
    {
        var process = AddHanging(rank);
        Clock.After(Random.Delay(1_000), () =>
        {
            if (process.IsAlive)
                process.Start(wantsBirth);
        });
        return process;
    }

    /// <summary>A process that never registers.</summary>
    public SimRank AddHanging(int rank)
    {
        var process = new SimRank(this, rank, _processes.Count + 1);
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

    private void RunScenario()
    {
        Launcher.Start();
        Clients.Start();
        FrontEnd.Start();
        for (var rank = 0; rank < Settings.InitialRanks; rank++)
            StartRank(rank, wantsBirth: rank == 0);
        MakeTraffic();
        if (Settings.LinkDropGap > 0)
            Clock.After(Random.Delay(Settings.LinkDropGap), DropLinks);
        RunUntilQuiet();
        CheckWakes();

        var clean = Clients.AskCleanly();
        FrontEnd.Arrive(4, 8);
        RunUntilQuiet();
        SimChecks.Require(clean.IsCompleted, $"an operation that nothing hindered ended as {clean.Outcome ?? "unknown"}");
        if (Settings.IsStoppedAtEnd)
        {
            FrontEnd.Arrive(Random.Below(3), 20);
            var stop = Clients.AskToStop();
            RunUntilQuiet();
            SimChecks.Require(stop.IsCompleted && FrontEnd.HasEnded, $"stopping the group ended as {stop.Outcome ?? "unknown"}");
        }

        SimChecks.Require(Checks.MaxReleased >= 50, $"only {Checks.MaxReleased} steps ran");
        SimChecks.Require(Checks.Transitions >= 1, "there was no transition");
    }

    /// <summary>A notification in an idle group gives exactly one step, and no more.</summary>
    private void CheckWakes()
    {
        var before = Checks.MaxReleased;
        Find(Store.Record.View.Members[0].Rank)!.Post(RankEvent.WorkNotified);
        RunUntilQuiet();
        SimChecks.Require(Checks.MaxReleased == before + 1, $"one notification ran {Checks.MaxReleased - before} steps");
    }

    private void MakeTraffic()
    {
        SimChecks.Require(Clock.Now < LongestRun, "the group makes no progress");
        if (_asksLeft > 0 && Checks.MaxReleased >= Settings.TargetSteps * (Settings.Asks - _asksLeft) / Settings.Asks && Random.Chance(0.3) && Store.Record.View.Epoch > 0)
        {
            _asksLeft--;
            Clients.AskSomething();
        }

        if (Checks.MaxReleased >= Settings.TargetSteps && _asksLeft == 0 && Clients.AllKnown)
        {
            _isHealed = true;
            return;
        }

        if (Checks.MaxReleased < Settings.TargetSteps + 40 && FrontEnd.Running < 12)
            FrontEnd.Arrive(Random.Between(0, 3), 8);
        if (!_hasKilled && HasTrouble(Settings.Kill))
            KillMember();
        if (HasTrouble(Settings.Revocation))
            FrontEnd.RevokeOne();
        Clock.After(Random.Delay(Random.Chance(0.1) ? 50_000 : 5_000), MakeTraffic);
    }

    /// <summary>
    /// Any member may die as long as another one lives that is wanted after the operation under way and has been in a step: a joiner
    /// that nobody has started yet does not know that it is a member, and cannot lead.
    /// </summary>
    private void KillMember()
    {
        var record = Store.Record;
        if (record.View.IsTerminal || record.View.Members.IsEmpty)
            return;
        var victim = Random.Pick(record.View.Members).Rank;
        var isAlone = !record.View.Members.Any(member => member.Rank != victim
            && record.Pending?.Target.Contains(member.Rank) != false && Find(member.Rank) is { IsAlive: true, Core.Member.IsFresh: false });
        if (isAlone || Find(victim) is not { IsAlive: true } process)
            return;
        _hasKilled = true;
        Checks.Killed(process);
        process.End(isGraceful: false);
    }

    private void DropLinks()
    {
        if (_isHealed)
            return;
        Network.DropRandom();
        Clock.After(Random.Delay(Settings.LinkDropGap), DropLinks);
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
    }

    private void CheckQuiet()
    {
        var record = Store.Record;
        foreach (var ask in Clients.Asks)
            SimChecks.Require(ask.Outcome is not null, $"operation {ask.Request.Id} has no outcome");
        SimChecks.Require(record.Pending is null, $"operation {record.Pending?.Id} is still pending");
        FrontEnd.CheckAllOver();
        foreach (var process in _processes.Where(process => process.IsAlive))
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

    private string Describe() => string.Concat(Clients.Asks.Select(ask => $"{ask.Request}: {ask.Outcome ?? "unknown"}\n")) + string.Join("\n", _processes.Where(process => process.IsAlive).Select(process =>
        $"rank {process.Rank}: {process.Core.Member.Phase} {process.Core.Member.View} step {process.Core.Member.Step} completed {process.Core.Member.LastCompleted}, " +
        $"connected [{string.Join(' ', _processes.Where(other => process.Core.Links.IsConnected(other.Identity.Id)).Select(other => other.Rank))}], coordinates {process.Core.Coordinator.IsActive} {process.Core.Coordinator.Operation?.Phase} {process.Core.Coordinator.Operation?.Id} " +
        $"recovery {process.Core.Coordinator.Recovery?.Id} {process.Core.Coordinator.Recovery?.Phase}, requests {process.DescribeRequests()}, prepares {process.Core.Preparation.Operation}"));
}
