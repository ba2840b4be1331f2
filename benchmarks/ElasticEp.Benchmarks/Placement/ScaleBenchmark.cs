using System.Globalization;
using ElasticEp.Placement;

namespace ElasticEp.Benchmarks.Placement;

/// <summary>
/// How long it takes to plan the largest group there may be after it has lost a node: 1024 ranks on 128 nodes, 58 layers of 2048 experts, every slot
/// in use. From the request to the plan: placement, intermediate views, and who copies what from whom in which order.
/// </summary>
internal static class ScaleBenchmark
{
    private const int Layers = 58;
    private const int Experts = 2048;
    private const int Ranks = 1024;
    private const int RanksPerNode = 8;
    private const int Slots = 4;
    private const int Rounds = 5;
    private const double Sigma = 0.3;

    public static int Run(string[] args)
    {
        var seed = PlacementBenchmark.SeedOf(args);
        Console.WriteLine($"seed={seed}, {Environment.ProcessorCount} processors");
        Console.WriteLine();
        Console.WriteLine("| case | threads | median | slowest | allocated a plan | balancedness mean | min | moved | views |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|---|");
        var random = new Random(seed);
        var before = PlacementLoads.Zipf(random, Layers, Experts, 0.6);
        var load = PlacementLoads.Drift(random, before, Sigma);
        var bars = new PlacementBars();
        int[] all = [.. Enumerable.Range(0, Ranks)];
        int[] lost = all[^RanksPerNode..];
        var start = new MinimalMove().Plan(Ask(ExpertPlacement.Empty, all, before, null)).Without(lost);
        int[] left = all[..^RanksPerNode];
        foreach (var (name, budget) in new (string, long?)[] { ("the live default budget", EvenShares(left.Length)), ("what must be alone", 0) })
        {
            var request = Ask(start, left, load, budget);
            var results = new List<string>();
            foreach (var threads in new int?[] { 1, 2, null }.Distinct())
                results.Add(Measure(bars, name, request, threads));
            bars.Add($"{name}: the same plan with any number of threads", results.Distinct().Count() == 1, $"{results.Count} numbers");
        }

        return bars.Print() ? 0 : 1;
    }

    private static string Measure(PlacementBars bars, string name, PlacementRequest request, int? threads)
    {
        var times = new double[Rounds];
        var allocated = 0L;
        PlacementPlan plan = null!;
        for (var round = 0; round < Rounds; round++)
        {
            var bytes = GC.GetTotalAllocatedBytes(precise: true);
            var begin = TimeProvider.System.GetTimestamp();
            plan = PlacementPlanner.Plan(new MinimalMove(threads), request, threads: threads);
            times[round] = TimeProvider.System.GetElapsedTime(begin).TotalSeconds;
            allocated = Math.Max(allocated, GC.GetTotalAllocatedBytes(precise: true) - bytes);
        }

        Array.Sort(times);
        var megabytes = allocated / 1e6;
        var balance = PlacementScore.Balancedness(plan.Placement, request.Load.ToArray()).ToArray();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {name} | {(threads is { } number ? $"{number}" : "default")} | {times[Rounds / 2]:F2} s | {times[^1]:F2} s | {megabytes:F0} MB | {balance.Average():F4} | {balance.Min():F4} | {plan.Transfers.Count} | {plan.Stages.Count} |"));
        if (threads is null)
        {
            bars.Add($"{name}: planned in under 2 s", times[Rounds / 2] < 2, $"{times[Rounds / 2]:F2} s");
            bars.Add($"{name}: with less than 500 MB", megabytes < 500, $"{megabytes:F0} MB allocated, all of it counted");
        }

        return string.Join(' ', plan.Transfers.Select(transfer => $"{transfer}")) + string.Join(' ', plan.Stages.Select(stage => Convert.ToHexString(System.IO.Hashing.XxHash64.Hash(stage.Placement.Encode().Span))));
    }

    private static PlacementRequest Ask(ExpertPlacement current, int[] ranks, float[] load, long? budget) => new()
    {
        Layers = Layers,
        Experts = Experts,
        Ranks = [.. ranks.Select(rank => new RankCapacity(rank, Slots, 1, $"node-{rank / RanksPerNode}"))],
        Current = current,
        RedundantExperts = (Ranks * Slots) - Experts,
        Load = load,
        ExpertBytes = PlacementCase.ExpertBytes,
        MovementBudget = budget,
    };

    /// <summary>What a group does with MovementBudget unset: an even share of the copies for each rank that is gone.</summary>
    private static long EvenShares(int ranks) => (long)RanksPerNode * (((Ranks * Slots) + ranks - 1) / ranks) * Layers * PlacementCase.ExpertBytes;
}
