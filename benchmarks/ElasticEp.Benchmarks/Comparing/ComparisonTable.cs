using ElasticEp.Benchmarks.Steps;

namespace ElasticEp.Benchmarks.Comparing;

/// <summary>
/// The verdict of <c>benchmarks/compare</c> on a folder of files <c>BENCHMARK.PAIR.SIDE.json</c>, the side being <c>base</c> or
/// <c>head</c>: a figure passes when the interval of its median ratio lies below the bound.
/// </summary>
internal static class ComparisonTable
{
    public static int Run(string[] args, TextWriter output)
    {
        var (folder, bound, seed) = (args[0], Numbers.Fraction(args, "bound", 1.05), Numbers.Option(args, "seed", 1));
        var figures = Directory.GetFiles(folder, "*.base.json").Order(StringComparer.Ordinal)
            .GroupBy(file => Path.GetFileName(file).Split('.')[0])
            .SelectMany(benchmark => ComparedFigure.Pair(benchmark.Key, [.. benchmark.Select(Figures.Read)], [.. benchmark.Select(HeadOf).Select(Figures.Read)]))
            .ToArray();
        output.WriteLine("| benchmark | figure | base, median | head, median | times slower, median of the pairs | 95 % interval | |");
        output.WriteLine("|---|---|---|---|---|---|---|");
        var failed = 0;
        foreach (var figure in figures)
        {
            var interval = MedianInterval.Of(figure.Ratios, seed);
            var passes = interval.High < bound;
            failed += passes ? 0 : 1;
            output.WriteLine(
                $"| {figure.Benchmark} | {figure.Name} | {Numbers.Median(figure.Base):0.###} | {Numbers.Median(figure.Head):0.###} | {Numbers.Median(figure.Ratios):0.000} | {interval.Low:0.000} to {interval.High:0.000} | {(passes ? "PASS" : "FAIL")} |");
        }

        output.WriteLine();
        output.WriteLine($"{(failed == 0 ? "PASS" : $"FAIL: {failed}")} of {figures.Length} figures, {figures[0].Ratios.Length} pairs of runs, bound {bound}, seed {seed}");
        return failed == 0 ? 0 : 1;
    }

    private static string HeadOf(string file) => file.Replace(".base.json", ".head.json", StringComparison.Ordinal);
}
