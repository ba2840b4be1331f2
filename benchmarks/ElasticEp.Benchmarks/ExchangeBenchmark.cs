using System.Diagnostics;
using System.Globalization;

namespace ElasticEp.Benchmarks;

/// <summary>
/// Dispatch and combine of N ranks in one process against a copy of the same bytes in the same run. The experts copy nothing
/// and compute nothing: what is left is the exchange.
/// </summary>
internal static class ExchangeBenchmark
{
    private const int WarmUpSteps = 30;
    private const int StepsPerRound = 5;

    public static int Run(string[] args)
    {
        var options = new ElasticEpOptions
        {
            MaxRanks = Value(args, "ranks", 4),
            MaxTokensPerRank = Value(args, "tokens", 128),
            Model = new MoeModelShape { MoeLayers = 4, HiddenSize = Value(args, "hidden", 2048), TopK = Value(args, "topk", 8), Experts = Value(args, "experts", 64) },
        };
        var steps = Value(args, "steps", 60);
        Console.WriteLine("{0} ranks × {1} tokens, hidden {2} bf16, top-{3} of {4} experts, {5} processors", options.MaxRanks, options.MaxTokensPerRank, options.Model.HiddenSize, options.Model.TopK, options.Model.Experts, Environment.ProcessorCount);
        foreach (var mode in new[] { CombineMode.Exact, CombineMode.PreReduced })
        {
            options.CombineMode = mode;
            Measure(options, steps);
        }

        return 0;
    }

    private static void Measure(ElasticEpOptions options, int steps)
    {
        using var group = new BenchmarkGroup(options);
        long step = 0;
        for (var i = 0; i < WarmUpSteps; i++)
            group.RunStep(++step);
        var bytes = group.RowBytesPerStep;
        var exchange = new List<double>(steps);
        var copy = new List<double>(steps);
        var allocated = new List<long>(steps);
        using var baseline = new CopyBaseline(bytes, options.Model.HiddenSize * 2);
        baseline.Run();
        for (var round = 0; round < steps / StepsPerRound; round++)
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            for (var i = 0; i < StepsPerRound; i++)
            {
                var start = Stopwatch.GetTimestamp();
                group.RunStep(++step);
                exchange.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
            }

            allocated.Add((GC.GetTotalAllocatedBytes(precise: true) - before) / StepsPerRound);
            for (var i = 0; i < StepsPerRound; i++)
            {
                var start = Stopwatch.GetTimestamp();
                baseline.Run();
                copy.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
            }
        }

        var (ours, theirs) = (Median(exchange), Median(copy));
        Console.WriteLine(
            "{0,-10} {1,8:F1} µs a layer; {2,6:F2} GB/s of rows; copying the same rows once {3,8:F1} µs, {4,6:F2} GB/s; ratio {5:F2}; allocated {6} B a step (least of {7} rounds; most {8})",
            options.CombineMode,
            ours * 1e6 / options.Model.MoeLayers,
            bytes / ours / 1e9,
            theirs * 1e6 / options.Model.MoeLayers,
            bytes / theirs / 1e9,
            ours / theirs,
            allocated.Min(),
            allocated.Count,
            allocated.Max());
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private static int Value(string[] args, string name, int standard)
    {
        foreach (var arg in args)
        {
            if (arg.StartsWith(name + "=", StringComparison.Ordinal))
                return int.Parse(arg.AsSpan(name.Length + 1), CultureInfo.InvariantCulture);
        }

        return standard;
    }
}
