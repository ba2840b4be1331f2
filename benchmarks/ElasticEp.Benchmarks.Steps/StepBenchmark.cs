namespace ElasticEp.Benchmarks.Steps;

/// <summary>What a step costs when nothing is computed: by ranks, links and tokens, with its exchange and waiting parts and what it allocates.</summary>
internal static class StepBenchmark
{
    private static readonly GroupLinks[] AllLinks = [GroupLinks.InProcess, GroupLinks.UnixSockets, GroupLinks.Tcp];

    /// <param name="args">Options.</param>
    /// <param name="useSharedMemory">Has a rank send data through shared memory, where that is known.</param>
    public static async Task<int> RunAsync(string[] args, Action<IElasticEpBuilder>? useSharedMemory = null)
    {
        var (steps, warmUp, rounds) = (Numbers.Option(args, "steps", 5000), Numbers.Option(args, "warmup", 3000), Numbers.Option(args, "rounds", 1));
        var heartbeat = Numbers.Text(args, "heartbeat") is null ? (TimeSpan?)null : TimeSpan.FromMilliseconds(Numbers.Option(args, "heartbeat", 0));
        var links = Numbers.Text(args, "links") is { } names ? [.. names.Split(',').Select(Enum.Parse<GroupLinks>)] : AllLinks;
        var model = StepShape.Model;
        Console.WriteLine($"{steps} steps of {model.MoeLayers} layers, rows of {model.HiddenSize} float32, top-{model.TopK} of {model.Experts}, {Environment.ProcessorCount} processors, all ranks in one process");
        Console.WriteLine("| ranks | links | tokens a rank | step, µs: median | p99 | exchange, mean | waiting, mean | allocated a step and rank |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|");
        var measured = new List<(string Name, double Median)>();
        for (var round = 0; round < rounds; round++)
        {
            var inTurn = round % 2 == 0 ? links : [.. links.Reverse()];
            foreach (var ranks in Numbers.Options(args, "ranks", [1, 2, 4]))
            {
                foreach (var link in ranks == 1 ? inTurn.Take(1) : inTurn) // one rank has no links
                {
                    await using var group = await StepGroup.StartAsync(ranks, link, heartbeat, useSharedMemory);
                    foreach (var tokens in Numbers.Options(args, "tokens", [1, 16]))
                        measured.Add(($"{ranks} ranks, {link}, {tokens} tokens a rank: µs a step", await MeasureAsync(group, link, tokens, warmUp, steps)));
                }
            }
        }

        if (rounds > 1)
            WriteRounds(measured);
        Figures.Write(args, [.. measured.GroupBy(figure => figure.Name).Select(figure => new Figure(figure.Key, Numbers.Median(figure.Select(one => one.Median))))]);
        return 0;
    }

    private static void WriteRounds(List<(string Name, double Median)> measured)
    {
        Console.WriteLine();
        foreach (var figure in measured.GroupBy(figure => figure.Name, figure => figure.Median))
            Console.WriteLine($"{figure.Key}, {figure.Count()} rounds: {Numbers.Median(figure):0.0} ({figure.Min():0.0} to {figure.Max():0.0})");
    }

    private static async Task<double> MeasureAsync(StepGroup group, GroupLinks links, int tokens, int warmUp, int steps)
    {
        var first = group.Ranks[0];
        foreach (var rank in group.Ranks)
            rank.Use(tokens);
        await first.TimeAsync(warmUp);
        var (before, allocated) = (first.Statistics, GC.GetTotalAllocatedBytes(precise: true));
        var durations = await first.TimeAsync(steps);
        allocated = GC.GetTotalAllocatedBytes(precise: true) - allocated;
        var after = first.Statistics;
        var ran = after.Steps - before.Steps;
        var median = Numbers.Median(durations);
        Console.WriteLine(
            $"| {group.Ranks.Count} | {links} | {tokens} | {median:0.0} | {Numbers.Percentile(durations, 99):0} | {(after.ExchangeTime - before.ExchangeTime).TotalMicroseconds / ran:0.0} | {(after.WaitTime - before.WaitTime).TotalMicroseconds / ran:0.0} | {(double)allocated / ran / group.Ranks.Count:0} B |");
        return median;
    }
}
