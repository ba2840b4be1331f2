using System.Text.Json;
using ElasticEp.Benchmarks.Steps;
using ElasticEp.Samples.Bench;
using ElasticEp.Samples.Bench.Measuring;
using ElasticEp.Samples.Bench.Options;
using ElasticEp.Samples.Bench.Reporting;
using ElasticEp.Samples.Bench.Scaling;
using ElasticEp.Samples.Server.Http;

namespace ElasticEp.Benchmarks.ServerRuns;

/// <summary>
/// The serving benchmark against a server of worker processes, twice: at a fixed size, and with a resize up after a fifth of that run's
/// time and back after two fifths. Prints the tables of the documentation. With <c>large=0</c> the second run is left out.
/// </summary>
internal static class ServeBenchmark
{
    public static async Task<int> RunAsync(string[] args)
    {
        var (small, large) = (Numbers.Option(args, "ranks", 2), Numbers.Option(args, "large", 4));
        var isResized = large > 0;
        var reports = TimeSpan.FromMilliseconds(Numbers.Option(args, "reports", 2500)); // ranks report once a second
        await using var server = await ServerProcess.StartAsync(
            Numbers.Text(args, "server"), small, "--max-ranks", $"{Math.Max(small, large)}", "--standbys", $"{Math.Max(0, large - small)}").ConfigureAwait(false);
        var options = new ServeOptions
        {
            BaseUrl = server.Address,
            Prompts = Numbers.Option(args, "prompts", 512),
            InputLength = Numbers.Option(args, "input", 128),
            OutputLength = Numbers.Option(args, "output", 512),
            IgnoresEos = true,
            HidesProgress = true,
        };
        await LoadAsync(options with { Prompts = 32 }).ConfigureAwait(false); // everything is compiled
        var plain = await RunAsync(server, options, reports).ConfigureAwait(false);
        if (plain.Result.IsSuccess)
            Figures.Write(args, FiguresOf(small, plain.Result.Metrics));
        if (!isResized)
        {
            PrintRuns(($"{small} ranks", plain));
            return plain.Result.IsSuccess ? 0 : 1;
        }

        var fifth = TimeSpan.FromSeconds(Math.Round(plain.Result.Duration / 5, 1));
        var resized = await RunAsync(server, options with { Scale = [new ScaleStep(large, fifth), new ScaleStep(small, 2 * fifth)] }, reports).ConfigureAwait(false);
        PrintRuns(($"{small} ranks", plain), ($"{small} → {large} → {small}", resized));
        PrintResizes(resized.Result);
        return plain.Result.IsSuccess && resized.Result.IsSuccess && resized.Result.ScaleReports.Count == 2 ? 0 : 1;
    }

    private static async Task<(BenchResult Result, StepTotals Steps)> RunAsync(ServerProcess server, ServeOptions options, TimeSpan reports)
    {
        await Task.Delay(reports).ConfigureAwait(false);
        var before = await server.ReadStepTotalsAsync().ConfigureAwait(false);
        var result = await LoadAsync(options).ConfigureAwait(false);
        await Task.Delay(reports).ConfigureAwait(false);
        return (result, await server.ReadStepTotalsAsync().ConfigureAwait(false) - before);
    }

    private static Task<BenchResult> LoadAsync(ServeOptions options) => new ServeCommand(options, TextWriter.Null, TextWriter.Null, TimeProvider.System).RunAsync(CancellationToken.None);

    private static Figure[] FiguresOf(int ranks, RunMetrics metrics) =>
    [
        new($"{ranks} ranks: output tokens/s", metrics.OutputThroughput, IsRate: true),
        new($"{ranks} ranks: TPOT, median ms", metrics.TimePerOutputToken.Median),
        new($"{ranks} ranks: ITL, median ms", metrics.InterTokenLatency.Median),
    ];

    private static void PrintRuns(params (string Name, (BenchResult Result, StepTotals Steps) Run)[] runs)
    {
        var options = runs[0].Run.Result.Options;
        Console.WriteLine($"{options.Prompts} prompts at once, {options.InputLength} tokens in, {options.OutputLength} out, greedy, seed {options.Seed}; {Environment.ProcessorCount} processors, which the benchmark shares");
        Console.WriteLine();
        Console.WriteLine($"| | {string.Join(" | ", runs.Select(run => run.Name))} |");
        Console.WriteLine($"|{string.Concat(Enumerable.Repeat("---|", runs.Length + 1))}");
        Row("successful / failed requests", run => $"{run.Metrics.Completed} / {run.Metrics.Failed}");
        Row("duration", run => $"{run.Metrics.Duration:0.00} s");
        Row("input / generated tokens", run => $"{run.Metrics.InputTokens} / {run.Metrics.OutputTokens}");
        Row("requests/s", run => $"{run.Metrics.RequestThroughput:0.00}");
        Row("output tokens/s, peak", run => $"{run.Metrics.OutputThroughput:0}, {run.Metrics.PeakOutputThroughput:0}");
        Row("total tokens/s", run => $"{run.Metrics.TotalThroughput:0}");
        Row("peak concurrent requests", run => $"{run.Metrics.PeakConcurrency}");
        Row("TTFT: mean / median / P99", run => Latency(run.Metrics.TimeToFirstToken));
        Row("TPOT: mean / median / P99", run => Latency(run.Metrics.TimePerOutputToken));
        Row("ITL: mean / median / P99", run => Latency(run.Metrics.InterTokenLatency));
        Row("longest gap in any stream", run => $"{StreamGaps.Longest(run.Requests)?.Length * 1000:0} ms");
        Print("step, mean: compute + exchange + waiting", runs.Select(run => Step(run.Run.Steps)));

        void Row(string label, Func<BenchResult, string> value) => Print(label, runs.Select(run => value(run.Run.Result)));

        static void Print(string label, IEnumerable<string> cells) => Console.WriteLine($"| {label} | {string.Join(" | ", cells)} |");
    }

    private static string Latency(LatencySummary summary) => $"{summary.Mean:0.0} / {summary.Median:0.0} / {summary.Percentiles[0].Value:0.0} ms";

    private static string Step(StepTotals steps)
    {
        var (step, compute, exchange, wait) = steps.Milliseconds;
        return $"{step:0.00} = {compute:0.00} + {exchange:0.00} + {wait:0.00} ms";
    }

    private static void PrintResizes(BenchResult result)
    {
        Console.WriteLine();
        Console.WriteLine("| resize | asked for at | launch / transfer / drain / switch | pause | moved (least possible) | longest gap of a stream | tokens/s before, during, after |");
        Console.WriteLine("|---|---|---|---|---|---|---|");
        foreach (var report in result.ScaleReports)
            Console.WriteLine($"| to {report.Outcome.Step.Size} | {report.Outcome.Start:0.0} s | {Describe(report)} | {report.LongestGap * 1000:0} ms | {report.ThroughputBefore:0}, {report.ThroughputDuring:0}, {report.ThroughputAfter:0} |");
    }

    private static string Describe(ScaleReport report)
    {
        if (!report.Outcome.IsSuccess)
            return $"failed: {report.Outcome.Error ?? report.Outcome.Body} | | ";
        var answer = JsonSerializer.Deserialize(report.Outcome.Body!, HttpJson.Default.ScaleAnswer)!;
        return $"{answer.LaunchMs:0} / {answer.TransferMs:0} / {answer.DrainMs:0} / {answer.SwitchMs:0} ms | {answer.PauseMs:0.00} ms | {answer.BytesMoved / 1e6:0.00} ({answer.BytesLowerBound / 1e6:0.00}) MB";
    }
}
