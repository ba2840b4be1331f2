using System.Globalization;
using ElasticEp.Placement;

namespace ElasticEp.Benchmarks.Placement;

internal sealed partial class PlacementBenchmark
{
    /// <summary>Balance for bytes, on the row of the dead rank.</summary>
    private void Curve()
    {
        var (before, after) = ResizeCases[2];
        var (start, load) = Drifted(before, after, seed);
        Header($"Budget curve: {after.Name}");
        var full = PlacementRow.Of("no limit", ours, start, [load], (current, now) => after.Ask(current, now));
        var least = PlacementRow.Of("budget 0", ours, start, [load], (current, now) => after.Ask(current, now, 0));
        var rows = new List<PlacementRow> { least };
        foreach (var percent in new[] { 5, 10, 20, 30, 40, 50, 60, 70, 80, 90 })
        {
            var budget = (full.Moved - least.Moved) * PlacementCase.ExpertBytes * percent / 100;
            rows.Add(PlacementRow.Of($"budget {percent} % of the difference", ours, start, [load], (current, now) => after.Ask(current, now, budget)));
        }

        rows.Add(full);
        foreach (var row in rows)
            Print("", row);
        _bars.Add("the budget curve never falls", rows.Zip(rows.Skip(1)).All(pair => pair.Second.Mean >= pair.First.Mean - 1e-9), $"{rows.Count} points");
    }

    /// <summary>What it costs that any one lost rank leaves every expert alive.</summary>
    private void ToleratedLosses()
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
                var start = ours.Plan(shape.Ask(ExpertPlacement.Empty, loads[0], null, losses));
                Print(shape.Name, PlacementRow.Of($"f = {losses}", ours, start, loads.Skip(1), (current, load) => shape.Ask(current, load, null, losses)));
            }
        }
    }

    /// <summary>How far from the optimum the policies are where it can be found.</summary>
    private void Bounds()
    {
        output.WriteLine();
        output.WriteLine("### Small cases against the optimum (branch and bound), 40 layers each, Zipf 1.0");
        output.WriteLine();
        output.WriteLine("| case | optimum mean | DeepSeekEplb | MinimalMove, from EPLB's placement before a drift | relaxed bound |");
        output.WriteLine("|---|---|---|---|---|");
        foreach (var (experts, ranks, slots) in new[] { (8, 2, 4), (9, 3, 3), (8, 3, 3), (8, 4, 2), (7, 3, 3), (10, 4, 3) })
        {
            var shape = new PlacementCase($"{experts} experts, {ranks} ranks of {slots} slots", 40, experts, ranks, slots);
            var random = new Random(seed);
            var before = PlacementLoads.Zipf(random, 40, experts, 1);
            var load = PlacementLoads.Drift(random, before, Sigma);
            var exact = load.Chunk(experts).Select(layer => BalanceBound.Exact(layer, ranks, slots)).ToArray();
            var eplb = PlacementScore.Balancedness(shape.Eplb(load), load).ToArray();
            var mine = PlacementScore.Balancedness(ours.Plan(shape.Ask(shape.Eplb(before), load)), load).ToArray();
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {shape.Name} | {exact.Average():F4} | {eplb.Average():F4} | {mine.Average():F4} | {BalanceBound.Mean(shape, [load]):F4} |"));
            _bars.Add($"{shape.Name}: balance first: balancedness ≥ EPLB − 0.005", mine.Average() >= eplb.Average() - 0.005, $"{mine.Average():F4} and {eplb.Average():F4}, optimum {exact.Average():F4}");
            _bars.Add($"{shape.Name}: nothing beats the optimum", exact.Zip(mine, (best, found) => found <= best + 1e-5).All(isBelow => isBelow), $"{mine.Average():F4} and {exact.Average():F4}");
        }
    }

    private void Times()
    {
        var shape = new PlacementCase("58 × 256, 288 slots, 32 ranks", 58, 256, 32, 9);
        var random = new Random(seed);
        var before = PlacementLoads.Zipf(random, 58, 256, 0.6);
        var load = PlacementLoads.Drift(random, before, Sigma);
        var start = shape.Eplb(before);
        var next = ours.Plan(shape.Ask(start, load));
        var later = PlacementLoads.Drift(random, load, Sigma);
        output.WriteLine();
        output.WriteLine($"### Planning time: {shape.Name}, one thread, median of 101 plans in the quietest of 7 series");
        output.WriteLine();
        output.WriteLine("| what | median | 95 % | allocated a plan |");
        output.WriteLine("|---|---|---|---|");
        var eplb = Time("DeepSeekEplb, arrays to arrays", () => EplbAlgorithm.Plan(load, 58, 288, 1, 1, 32));
        Time("DeepSeekEplb, request to placement", () => new DeepSeekEplb().Plan(shape.Ask(start, load)));
        var first = Time("MinimalMove after EPLB and a drift", () => ours.Plan(shape.Ask(start, load)));
        var steady = Time("MinimalMove after itself and a drift", () => ours.Plan(shape.Ask(next, later)));
        Time("MinimalMove, moves first", () => ours.Plan(shape.Ask(start, load, 0)));
        var budget = Time("MinimalMove, budget of 50 GB", () => ours.Plan(shape.Ask(start, load, 50_000_000_000)));
        foreach (var (name, time) in new[] { ("DeepSeekEplb", eplb), ("MinimalMove", first), ("MinimalMove, steady", steady), ("MinimalMove with a budget", budget) })
            _bars.Add($"{name} allocates as much in the seventh series of plans as in the second", time.LastBytes <= time.FirstBytes, $"{time.FirstBytes} and {time.LastBytes} B a plan");
        _bars.Add("DeepSeekEplb plans in under 4 ms", eplb.Median < 4, $"{eplb.Median:F2} ms");
        _bars.Add("MinimalMove plans in under 8 ms", Math.Max(first.Median, steady.Median) < 8, $"{first.Median:F2} and {steady.Median:F2} ms; with a budget {budget.Median:F2} ms");
    }

    /// <summary>Median of 101 plans after warm-up, in the quietest of seven such series: the machine is shared.</summary>
    private (double Median, long FirstBytes, long LastBytes) Time(string name, Action plan)
    {
        var best = (Median: double.PositiveInfinity, Late: 0.0, Bytes: 0L);
        var (first, last) = (0L, 0L);
        for (var series = 0; series < 7; series++)
        {
            var times = new double[101];
            var allocated = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < times.Length; i++)
            {
                var begin = TimeProvider.System.GetTimestamp();
                plan();
                times[i] = TimeProvider.System.GetElapsedTime(begin).TotalMilliseconds;
            }

            last = (GC.GetAllocatedBytesForCurrentThread() - allocated) / times.Length;
            first = series == 1 ? last : first;
            Array.Sort(times);
            if (times[50] < best.Median)
                best = (times[50], times[95], last);
        }

        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"| {name} | {best.Median:F2} ms | {best.Late:F2} ms | {first / 1024.0:F0} KiB, later {last / 1024.0:F0} KiB |"));
        return (best.Median, first, last);
    }
}
