using System.Globalization;
using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Recorder;
using ElasticEp.TestKit;

namespace ElasticEp.Tests.Simulation;

/// <summary>Many seeds of the simulated group. <c>ELASTICEP_SEED</c> gives the first seed, <c>ELASTICEP_SEEDS</c> how many.</summary>
public sealed class SimulationTests(ITestOutputHelper output)
{
    private const int FreshSeeds = 100;
    private const int EveryPoint = 20_000; // seeds that kill a process at every point

    /// <summary>Points at which no process is killed, and why.</summary>
    private static readonly Dictionary<string, string> NotReached = new()
    {
        [nameof(Disconnect)] = "few seeds dismiss joiners, and then no operation is under way",
        [nameof(ExpertLoadMessage)] = "its effect is ReportExpertLoad",
        [nameof(OperationRequestMessage)] = "clients send it",
        [nameof(CancelMessage)] = "clients send it",
        [nameof(ProcessEndedMessage)] = "launchers send it",
    };

    private const int PhasePairsFloor = 190;
    private const int OperationPairsFloor = 170;
    private static readonly Lock Gate = new();

    [Fact]
    public void The_fixed_seeds_keep_every_invariant()
    {
        var first = Read("ELASTICEP_SEED", 1);
        var coverage = RunSeeds(first, (int)Read("ELASTICEP_SEEDS", 1_000));
        Assert.True(coverage.Seeds < 1_000 || coverage.PhasePairs >= PhasePairsFloor, coverage.ToString());
        Assert.True(coverage.Seeds < 1_000 || coverage.OperationPairs >= OperationPairsFloor, coverage.ToString());
        Assert.True(coverage.Seeds < 1_000 || coverage.StagedViews >= coverage.Seeds / 5, coverage.ToString());
        Assert.True(coverage.Seeds < 1_000 || coverage.StoreLosses >= coverage.Seeds / 20, coverage.ToString());
        Assert.True(coverage.Seeds < 1_000 || coverage.StoreReturns >= coverage.Seeds / 100, coverage.ToString());
        Assert.True(coverage.Seeds < 1_000 || coverage.Restarts >= coverage.Seeds / 20, coverage.ToString());
        Assert.True(coverage.Seeds < 1_000 || coverage.Replans >= coverage.Seeds / 40, coverage.ToString());
        Assert.True(coverage.Seeds < 1_000 || coverage.Reloads >= coverage.Seeds / 20, coverage.ToString());
        Assert.True(coverage.Seeds < 1_000 || coverage.StuckLoads >= coverage.Seeds / 500, coverage.ToString());
        Assert.True(coverage.Seeds < 1_000 || (coverage.Standbys >= coverage.Seeds / 20 && coverage.Preempted >= coverage.Seeds / 100), coverage.ToString());
        Assert.True(coverage.Seeds < 1_000 || (coverage.PassiveViews >= coverage.Seeds && coverage.Activations >= coverage.Seeds / 20), coverage.ToString());
        Assert.True(coverage.Seeds < 1_000 || coverage.Refusals >= coverage.Seeds / 40, coverage.ToString());
        var missing = coverage.Seeds < EveryPoint ? [] : FaultPointList.All.Where(point => !NotReached.Keys.Any(point.Contains) && coverage.Kills.Keys.All(kill => kill.Point != point));
        Assert.Empty(missing);
        // Other seeds may miss a rare one.
        var untried = coverage.Seeds < EveryPoint || first != 1 ? [] : SimPairs.Expected.Where(pair => !coverage.Kills.ContainsKey(pair)).ToArray();
        output.WriteLine($"{SimPairs.Expected.Count} pairs of a point and an occasion, {coverage.Kills.Count} tried");
        Assert.True(untried.Length == 0, $"not tried: {string.Join(", ", untried)}");
    }

    /// <summary>Seeds that nobody has tried; the range is printed, and each of them can be run again by its number.</summary>
    [Fact]
    public void Fresh_seeds_keep_every_invariant() => RunSeeds((ulong)TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds(), FreshSeeds);

    [Fact]
    public void A_seed_always_gives_the_same_schedule()
    {
        var (first, second) = (new Simulation(11), new Simulation(11));
        first.Run();
        second.Run();
        Assert.Equal((first.Events, first.Clock.Now, first.Trace.ToString()), (second.Events, second.Clock.Now, second.Trace.ToString()));
    }

    private SimCoverage RunSeeds(ulong first, int count)
    {
        output.WriteLine($"seeds {first} to {first + (ulong)count - 1}");
        var coverage = new SimCoverage();
        var failures = new SortedDictionary<ulong, string>();
        var fewThreads = new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }; // not all of the pool, on which other tests run
        Parallel.For(0, count, fewThreads, index =>
        {
            var simulation = new Simulation(first + (ulong)index);
            try
            {
                simulation.Run();
                lock (Gate)
                    coverage.Merge(simulation.Coverage);
            }
            catch (SimulationException exception)
            {
                lock (Gate)
                    failures[first + (ulong)index] = exception.ToString();
            }
        });
        foreach (var (seed, message) in failures.Skip(1).Take(40))
            output.WriteLine($"{seed}: {message.Split('\n')[0]}");
        output.WriteLine(coverage.ToString());
        output.WriteLine(coverage.DescribeKills());
        Assert.True(failures.Count == 0, failures.Count == 0 ? "" : $"{failures.Count} of {count} seeds failed\n{failures.First().Value}\n{WriteDumps(failures.First().Key)}");
        return coverage;
    }

    /// <summary>Runs a seed again, to have what each of its processes saw and did in files.</summary>
    private static string WriteDumps(ulong seed)
    {
        var simulation = new Simulation(seed, isRecorded: true);
        Record.Exception(simulation.Run);
        var directory = Path.Combine(Path.GetTempPath(), "elasticep-simulator");
        return $"Dumps of its processes, to be replayed with ELASTICEP_DUMP:\n{string.Join('\n', simulation.TakeDumps().Select(dump => DumpFiles.Write(dump, directory)))}";
    }

    private static ulong Read(string variable, ulong otherwise) =>
        ulong.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out var value) ? value : otherwise;
}
