using System.Globalization;
using ElasticEp.Placement;

namespace ElasticEp.Benchmarks.Placement;

internal static partial class PlacementBenchmark
{
    /// <summary>Balance for bytes, on the row of the dead rank.</summary>
    private static void Curve(PlacementBars bars, int seed)
    {
        var (before, after) = ResizeCases[2];
        var (start, load) = Drifted(before, after, seed);
        Header($"Budget curve: {after.Name}");
        var full = PlacementRow.Of("no limit", new MinimalMove(), start, [load], (current, now) => after.Ask(current, now));
        var least = PlacementRow.Of("budget 0", new MinimalMove(), start, [load], (current, now) => after.Ask(current, now, 0));
        var rows = new List<PlacementRow> { least };
        foreach (var percent in new[] { 5, 10, 20, 30, 40, 50, 60, 70, 80, 90 })
        {
            var budget = (full.Moved - least.Moved) * PlacementCase.ExpertBytes * percent / 100;
            rows.Add(PlacementRow.Of($"budget {percent} % of the difference", new MinimalMove(), start, [load], (current, now) => after.Ask(current, now, budget)));
        }

        rows.Add(full);
        foreach (var row in rows)
            Print("", row);
        bars.Add("the budget curve never falls", rows.Zip(rows.Skip(1)).All(pair => pair.Second.Mean >= pair.First.Mean - 1e-9), $"{rows.Count} points");
    }

    /// <summary>What it costs that any one lost rank leaves every expert alive.</summary>
    private static void ToleratedLosses(int seed)
    {
        Header("ToleratedLosses: Zipf 0.6, 6 plans with drift, from the policy's own first placement");
        var random = new Random(seed);
        var loads = new List<float[]> { PlacementLoads.Zipf(random, 58, 256, 0.6) };
        for (var step = 0; step < 6; step++)
            loads.Add(PlacementLoads.Drift(random, loads[^1], Sigma));
        foreach (var slots in new[] { 288, 512, 576 })
        {
            var shape = new PlacementCase($"{slots} slots, 32 ranks", 58, 256, 32, slots / 32);
            foreach (var losses in new[] { 0, 1 }.Where(losses => slots >= (losses + 1) * 256))
            {
                var start = new MinimalMove().Plan(shape.Ask(ExpertPlacement.Empty, loads[0], null, losses));
                Print(shape.Name, PlacementRow.Of($"f = {losses}", new MinimalMove(), start, loads.Skip(1), (current, load) => shape.Ask(current, load, null, losses)));
            }
        }
    }

    private static void Bounds(PlacementBars bars, int seed)
    {
    }

    private static void Times(PlacementBars bars, int seed)
    {
        var shape = new PlacementCase("58 × 256, 288 slots, 32 ranks", 58, 256, 32, 9);
        var random = new Random(seed);
        var before = PlacementLoads.Zipf(random, 58, 256, 0.6);
        var load = PlacementLoads.Drift(random, before, Sigma);
        var start = shape.Eplb(before);
        var next = new MinimalMove().Plan(shape.Ask(start, load));
        var later = PlacementLoads.Drift(random, load, Sigma);
        Console.WriteLine();
        Console.WriteLine($"### Planning time: {shape.Name}, one thread");
        Console.WriteLine();
        Console.WriteLine("| what | median | 95 % | allocated a plan |");
        Console.WriteLine("|---|---|---|---|");
        var eplb = Time("DeepSeekEplb, arrays to arrays", () => EplbAlgorithm.Plan(load, 58, 288, 1, 1, 32));
        Time("DeepSeekEplb, request to placement", () => new DeepSeekEplb().Plan(shape.Ask(start, load)));
        var first = Time("MinimalMove after EPLB and a drift", () => new MinimalMove().Plan(shape.Ask(start, load)));
        var steady = Time("MinimalMove after itself and a drift", () => new MinimalMove().Plan(shape.Ask(next, later)));
        Time("MinimalMove, moves first", () => new MinimalMove().Plan(shape.Ask(start, load, 0)));
        Time("MinimalMove, budget of 50 GB", () => new MinimalMove().Plan(shape.Ask(start, load, 50_000_000_000)));
        bars.Add("DeepSeekEplb plans in under 4 ms", eplb < 4, $"{eplb:F2} ms");
        bars.Add("MinimalMove plans in under 8 ms", Math.Max(first, steady) < 8, $"{first:F2} and {steady:F2} ms");
    }

    private static double Time(string name, Action plan)
    {
        for (var i = 0; i < 60; i++)
            plan();
        var times = new double[101];
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < times.Length; i++)
        {
            var begin = TimeProvider.System.GetTimestamp();
            plan();
            times[i] = TimeProvider.System.GetElapsedTime(begin).TotalMilliseconds;
        }

        allocated = (GC.GetAllocatedBytesForCurrentThread() - allocated) / times.Length;
        Array.Sort(times);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {name} | {times[50]:F2} ms | {times[95]:F2} ms | {allocated / 1024.0:F0} KiB |"));
        return times[50];
    }
}
