using System.Globalization;
using ElasticEp.Placement;

namespace ElasticEp.Benchmarks.Placement;

/// <summary>Compares placement policies: balance, moves and planning time. Ends with a verdict on each bar.</summary>
/// <param name="ours">The policy that is judged.</param>
/// <param name="seed">Seed of the random loads.</param>
/// <param name="output">Where the tables go.</param>
internal sealed partial class PlacementBenchmark(IPlacementPolicy ours, int seed, TextWriter output)
{
    private const double Sigma = 0.3;
    private readonly PlacementBars _bars = new();

    public static int Run(string[] args)
    {
        var seed = SeedOf(args);
        Console.WriteLine($"seed={seed}");
        var benchmark = new PlacementBenchmark(new MinimalMove(), seed, Console.Out);
        benchmark.Judge();
        benchmark.ToleratedLosses();
        benchmark.Times();
        return benchmark._bars.Print() ? 0 : 1;
    }

    /// <summary>All bars but those of planning time.</summary>
    public static PlacementBars BarsOf(IPlacementPolicy ours, int seed)
    {
        var benchmark = new PlacementBenchmark(ours, seed, TextWriter.Null);
        benchmark.Judge();
        return benchmark._bars;
    }

    public static int SeedOf(string[] args) =>
        args.Select(arg => arg.Split('=')).Where(pair => pair[0] == "seed").Select(pair => int.Parse(pair[1], CultureInfo.InvariantCulture)).FirstOrDefault(1);

    private void Judge()
    {
        Windows();
        Drifts();
        Resizes();
        Curve();
        Bounds();
    }

    private void Windows()
    {
        var (windows, layers, experts) = PlacementLoads.OfEmbeddedModel();
        Header($"(a) expert_load.json: {layers} layers of {experts} experts, {windows.Length} windows, a plan per window");
        foreach (var ranks in new[] { 2, 4, 8 })
        {
            foreach (var redundant in new[] { 0, 8, 32 })
            {
                var shape = new PlacementCase($"{ranks} ranks, {redundant} redundant", layers, experts, ranks, (experts + redundant) / ranks);
                Compare(shape, windows);
            }
        }
    }

    private void Drifts()
    {
        Header($"(b) 58 layers of 256 experts, Zipf, log-normal drift of sigma {Sigma} before each of 6 plans");
        foreach (var exponent in new[] { 0.6, 1.0 })
        {
            foreach (var (slots, ranks) in new[] { (288, 32), (320, 64) })
            {
                var shape = new PlacementCase($"Zipf {exponent}, {slots} slots, {ranks} ranks", 58, 256, ranks, slots / ranks);
                var random = new Random(seed);
                var loads = new List<float[]> { PlacementLoads.Zipf(random, 58, 256, exponent) };
                for (var step = 0; step < 6; step++)
                    loads.Add(PlacementLoads.Drift(random, loads[^1], Sigma));
                Compare(shape, [.. loads]);
            }
        }
    }

    /// <summary>All policies from EPLB's placement for the first load on.</summary>
    private void Compare(PlacementCase shape, float[][] loads)
    {
        var start = shape.Eplb(loads[0]);
        PlacementRow? eplb = null;
        foreach (var policy in (IPlacementPolicy[])[new RoundRobin(), new DeepSeekEplb(), ours])
        {
            var first = policy is RoundRobin ? policy.Plan(shape.Ask(ExpertPlacement.Empty, loads[0])) : start;
            var row = PlacementRow.Of(policy.Name, policy, first, loads.Skip(1), (current, load) => shape.Ask(current, load));
            Print(shape.Name, row);
            if (policy is DeepSeekEplb)
                eplb = row;
            if (policy != ours)
                continue;
            var equal = AtEqualBalance(shape, start, loads, row, eplb!);
            Print(shape.Name, equal);
            _bars.OfDrift(shape, row, equal, eplb!, BalanceBound.Mean(shape, loads.Skip(1)));
        }
    }

    /// <summary>The smallest budget with which the mean balancedness is still within 0.005 of EPLB's.</summary>
    private PlacementRow AtEqualBalance(PlacementCase shape, ExpertPlacement start, float[][] loads, PlacementRow full, PlacementRow eplb)
    {
        var smallest = full;
        foreach (var percent in new[] { 95, 90, 80, 70, 60, 50 })
        {
            var budget = full.Moved * PlacementCase.ExpertBytes * percent / 100 / full.Plans;
            var row = PlacementRow.Of(
                "", ours, start, loads.Skip(1), (current, load) => shape.Ask(current, load, budget));
            if (row.Mean < eplb.Mean - 0.005)
                break;
            smallest = row;
        }

        return smallest with { Policy = "MinimalMove, least budget for EPLB's balance − 0.005" };
    }

    private void Resizes()
    {
        Header("(c) resizes from EPLB's placement for the load before a drift");
        foreach (var (before, after) in ResizeCases)
        {
            var (start, load) = Drifted(before, after, seed);
            var eplb = PlacementRow.Of("DeepSeekEplb", new DeepSeekEplb(), start, [load], (current, now) => after.Ask(current, now));
            var balance = PlacementRow.Of("MinimalMove, balance first", ours, start, [load], (current, now) => after.Ask(current, now));
            var none = PlacementRow.Of("MinimalMove, budget 0", ours, start, [load], (current, now) => after.Ask(current, now, 0));
            var budget = none.LowerBound * PlacementCase.ExpertBytes / 12;
            var moves = PlacementRow.Of("MinimalMove, moves first (budget of 1/12 of the bound)", ours, start, [load], (current, now) => after.Ask(current, now, budget));
            var plain = PlacementRow.Of("keep-and-fill", new KeepAndFill(), start, [load], (current, now) => after.Ask(current, now));
            var shares = Math.Abs(after.Ranks - before.Ranks) * (long)after.SlotsPerRank * after.Layers * PlacementCase.ExpertBytes;
            var live = PlacementRow.Of("MinimalMove, the live default (an even share for each rank that changes)", ours, start, [load], (current, now) => after.Ask(current, now, shares));
            foreach (var row in new[] { PlacementRow.Of("round-robin", new RoundRobin(), start, [load], (current, now) => after.Ask(current, now)), eplb, plain, balance, live, moves, none })
                Print(after.Name, row);
            _bars.OfResize(after, balance, moves, eplb, plain);
        }
    }

    private static (PlacementCase Before, PlacementCase After)[] ResizeCases =>
    [
        (new PlacementCase("", 58, 256, 16, 18), new PlacementCase("16→24 ranks of 18 slots", 58, 256, 24, 18)),
        (new PlacementCase("", 58, 256, 24, 18), new PlacementCase("24→16 ranks of 18 slots", 58, 256, 16, 18)),
        (new PlacementCase("", 58, 256, 32, 9), new PlacementCase("32→31 ranks of 9 slots, a dead rank", 58, 256, 31, 9)),
        (new PlacementCase("", 26, 64, 4, 18), new PlacementCase("4→6 ranks of 18 slots, 26 × 64", 26, 64, 6, 18)),
    ];

    private static (ExpertPlacement Start, float[] Load) Drifted(PlacementCase before, PlacementCase after, int seed)
    {
        var random = new Random(seed);
        var load = PlacementLoads.Zipf(random, before.Layers, before.Experts, 0.6);
        var start = before.Eplb(load);
        if (before.Ranks == after.Ranks + 1)
            start = Without(start, before.Ranks - 1);
        return (start, PlacementLoads.Drift(random, load, Sigma));
    }

    /// <summary>What is left when a rank has died.</summary>
    private static ExpertPlacement Without(ExpertPlacement placement, int dead)
    {
        var ranks = placement.Ranks.ToArray().Where(rank => rank != dead).ToArray();
        return new ExpertPlacement(
            placement.Experts, ranks, [.. Enumerable.Range(0, placement.Layers).Select(layer => ranks.Select(rank => placement.GetSlots(layer, rank).ToArray()).ToArray())]);
    }

    private void Header(string title)
    {
        output.WriteLine();
        output.WriteLine($"### {title}");
        output.WriteLine();
        output.WriteLine("| case | policy | balancedness mean | min | moved a plan | of slots | GB a plan | bound GB | time |");
        output.WriteLine("|---|---|---|---|---|---|---|---|---|");
    }

    private void Print(string name, PlacementRow row) => output.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"| {name} | {row.Policy} | {row.Mean:F4} | {row.Min:F4} | {row.Moved / (double)row.Plans:F1} | {100.0 * row.Moved / row.Slots:F1} % | {Gigabytes(row.Moved) / row.Plans:F1} | {Gigabytes(row.LowerBound) / row.Plans:F1} | {row.Milliseconds:F2} ms |"));

    private static double Gigabytes(int experts) => experts * PlacementCase.ExpertBytes / 1e9;
}
