using System.Text;
using ElasticEp.Events;
using ElasticEp.Runtime;
using ElasticEp.Scaling;
using ElasticEp.Steps;
using ElasticEp.TestKit;

namespace ElasticEp.Tests.Simulation;

/// <summary>Which event came in which state, over many seeds.</summary>
internal sealed class SimCoverage
{
    private readonly Dictionary<(MemberPhase Phase, string Event), long> _phases = [];
    private readonly Dictionary<(OperationPhase Phase, string Event), long> _operations = [];

    public int Seeds { get; private set; } = 1;

    public int PhasePairs => _phases.Count;

    public int OperationPairs => _operations.Count;

    /// <summary>Intermediate views of plans.</summary>
    public int StagedViews { get; set; }

    /// <summary>Processes that were killed and started again by somebody else than the launcher.</summary>
    public int Restarts { get; set; }

    public int StoreLosses { get; set; }

    /// <summary>Stores that went back to an older state.</summary>
    public int StoreReturns { get; set; }

    /// <summary>Operations that were planned again, because members were lost or who led them.</summary>
    public int Replans { get; set; }

    /// <summary>Ranks that were told to load experts again.</summary>
    public int Reloads { get; set; }

    /// <summary>Loads of lost experts that got no further.</summary>
    public int StuckLoads { get; set; }

    /// <summary>Times that a standby has got the experts that it wanted.</summary>
    public int Standbys { get; set; }

    /// <summary>Operations that began while a standby that they want was fetching.</summary>
    public int Preempted { get; set; }

    /// <summary>Views with passive copies.</summary>
    public int PassiveViews { get; set; }

    /// <summary>Experts of which a recovery has made a passive copy active.</summary>
    public int Activations { get; set; }

    /// <summary>Prepares that were refused, because they named another view than the one in use.</summary>
    public int Refusals { get; set; }

    /// <summary>Where processes were killed, during what, and how often.</summary>
    public Dictionary<(string Point, SimOccasion Occasion), long> Kills { get; } = [];

    public void Add(string point, SimOccasion occasion) => Add(Kills, (point, occasion), 1);

    public void Add(RankCore core, string e)
    {
        Add(_phases, (core.Member.Phase, e), 1);
        if (core.Coordinator.Operation is { } operation)
            Add(_operations, (operation.Phase, e), 1);
    }

    public void Merge(SimCoverage other)
    {
        Seeds++;
        StagedViews += other.StagedViews;
        Restarts += other.Restarts;
        StoreLosses += other.StoreLosses;
        StoreReturns += other.StoreReturns;
        Replans += other.Replans;
        Reloads += other.Reloads;
        StuckLoads += other.StuckLoads;
        Standbys += other.Standbys;
        Preempted += other.Preempted;
        PassiveViews += other.PassiveViews;
        Activations += other.Activations;
        Refusals += other.Refusals;
        foreach (var (pair, count) in other.Kills)
            Add(Kills, pair, count);
        foreach (var (pair, count) in other._phases)
            Add(_phases, pair, count);
        foreach (var (pair, count) in other._operations)
            Add(_operations, pair, count);
    }

    public override string ToString()
    {
        var text = new StringBuilder();
        text.AppendLine($"(phase, event) pairs: {PhasePairs}; (operation phase, event) pairs: {OperationPairs}; intermediate views: {StagedViews}; restarts: {Restarts}; operations planned again: {Replans}; reloads: {Reloads}; loads that got no further: {StuckLoads}; standbys with experts: {Standbys}, interrupted: {Preempted}; views with passive copies: {PassiveViews}, experts with one made active: {Activations}; preparations refused: {Refusals}; store losses: {StoreLosses}, returns to an older state: {StoreReturns}");
        Write(text, _phases);
        Write(text, _operations);
        return text.ToString();
    }

    /// <summary>How often a process was killed at each point, and during what.</summary>
    public string DescribeKills()
    {
        var text = new StringBuilder();
        text.AppendLine($"{"killed",-40}{string.Concat(SimFaults.Occasions.Select(occasion => $"{occasion,11}"))}");
        foreach (var point in FaultPointList.All)
            text.AppendLine($"{point,-40}{string.Concat(SimFaults.Occasions.Select(occasion => $"{Kills.GetValueOrDefault((point, occasion)),11}"))}");
        return text.ToString();
    }

    private static void Write<T>(StringBuilder text, Dictionary<(T Phase, string Event), long> counts)
        where T : struct, Enum
    {
        var events = counts.Keys.Select(pair => pair.Event).Distinct().Order().ToArray();
        foreach (var phase in Enum.GetValues<T>())
            text.AppendLine($"{phase,-10} never saw {string.Join(' ', events.Where(e => !counts.ContainsKey((phase, e))))}");
    }

    private static void Add<T>(Dictionary<T, long> counts, T pair, long count)
        where T : notnull => counts[pair] = counts.GetValueOrDefault(pair) + count;
}
