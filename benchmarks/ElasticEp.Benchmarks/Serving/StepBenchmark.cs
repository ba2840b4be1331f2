using ElasticEp.Samples.Qwen3Moe;

namespace ElasticEp.Benchmarks.Serving;

/// <summary>What a step costs when nothing is computed: by ranks, links and tokens, with its exchange and waiting parts and what it allocates.</summary>
internal static class StepBenchmark
{
    private const int WarmUpSteps = 3000;

    public static async Task<int> RunAsync(string[] args)
    {
        var steps = Numbers.Option(args, "steps", 5000);
        var checkpoint = Checkpoint.Open(EmbeddedModel.Directory);
        Console.WriteLine($"{steps} steps of {checkpoint.Config.SparseLayers.Count} layers, rows of {checkpoint.Config.HiddenSize} float32, top-{checkpoint.Config.TopK} of {checkpoint.Config.Experts}, {Environment.ProcessorCount} processors, all ranks in one process");
        Console.WriteLine("| ranks | links | tokens a rank | step, µs: median | p99 | exchange, mean | waiting, mean | allocated a step and rank |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|");
        foreach (var ranks in Numbers.Option(args, "ranks", 0) is > 0 and var given ? [given] : (int[])[1, 2, 4])
        {
            foreach (var links in (GroupLinks[])(ranks == 1 ? [GroupLinks.InProcess] : [GroupLinks.InProcess, GroupLinks.UnixSockets, GroupLinks.Tcp]))
            {
                await using var group = await ServingGroup.StartAsync(checkpoint, ranks, links, maxTokens: 64);
                foreach (var tokens in (int[])[1, 16])
                    await MeasureAsync(checkpoint.Config, group, links, tokens, steps);
            }
        }

        return 0;
    }

    private static async Task MeasureAsync(Qwen3MoeConfig config, ServingGroup group, GroupLinks links, int tokens, int steps)
    {
        await RunAsync(config, group, tokens, WarmUpSteps);
        var (before, allocated) = (group.Ranks[0].Statistics, GC.GetTotalAllocatedBytes(precise: true));
        var work = await RunAsync(config, group, tokens, steps);
        allocated = GC.GetTotalAllocatedBytes(precise: true) - allocated;
        var after = group.Ranks[0].Statistics;
        var ran = after.Steps - before.Steps;
        Console.WriteLine(
            $"| {group.Ranks.Count} | {links} | {tokens} | {Numbers.Median(work.Microseconds):0.0} | {Numbers.Percentile(work.Microseconds, 99):0} | {(after.ExchangeTime - before.ExchangeTime).TotalMicroseconds / ran:0.0} | {(after.WaitTime - before.WaitTime).TotalMicroseconds / ran:0.0} | {(double)allocated / ran / group.Ranks.Count:0} B |");
    }

    private static async Task<EmptySteps> RunAsync(Qwen3MoeConfig config, ServingGroup group, int tokens, int steps)
    {
        var work = group.Ranks.Select((_, rank) => new EmptySteps(config, rank, tokens, steps)).ToArray();
        await Task.WhenAll(group.Ranks.Select((rank, i) => rank.DoAsync(work[i])));
        return work[0];
    }
}
