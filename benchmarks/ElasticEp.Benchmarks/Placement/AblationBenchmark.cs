using System.Globalization;
using ElasticEp.Placement;

namespace ElasticEp.Benchmarks.Placement;

/// <summary>
/// Leaves out each stage of MinimalMove in turn, and says which of the placement benchmark's bars that moves, on three seeds. A stage that moves
/// none is not worth its code.
/// </summary>
internal static class AblationBenchmark
{
    private static readonly int[] Seeds = [1, 2, 3];

    public static int Run()
    {
        Console.WriteLine($"| left out | bars missed with seeds {string.Join(", ", Seeds)} | of | a plan | which |");
        Console.WriteLine("|---|---|---|---|---|");
        foreach (var stage in Enum.GetValues<MinimalMoveStages>().Order().Prepend(default).Where(stage => stage != MinimalMoveStages.All))
            Print(stage);
        return 0;
    }

    private static void Print(MinimalMoveStages stage)
    {
        var policy = new MinimalMove(threads: 1, MinimalMoveStages.All & ~stage);
        var bars = Seeds.Select(seed => PlacementBenchmark.BarsOf(policy, seed)).ToArray();
        var missed = bars.SelectMany(each => each.Missed).CountBy(bar => bar).Select(bar => $"{bar.Key} ({bar.Value})");
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {(stage == default ? "nothing" : $"{stage}")} | {string.Join(", ", bars.Select(each => each.Missed.Count()))} | {bars[0].Count} | {Milliseconds(policy):F1} ms | {string.Join("; ", missed)} |"));
    }

    /// <summary>Median of 31 plans of the benchmark's shape after a drift, warmed up.</summary>
    private static double Milliseconds(MinimalMove policy)
    {
        var shape = new PlacementCase("", 58, 256, 32, 9);
        var random = new Random(1);
        var before = PlacementLoads.Zipf(random, 58, 256, 0.6);
        var request = shape.Ask(shape.Eplb(before), PlacementLoads.Drift(random, before, 0.3));
        var times = new double[31];
        for (var i = 0; i < times.Length; i++)
        {
            var begin = TimeProvider.System.GetTimestamp();
            policy.Plan(request);
            times[i] = TimeProvider.System.GetElapsedTime(begin).TotalMilliseconds;
        }

        Array.Sort(times);
        return times[times.Length / 2];
    }
}
