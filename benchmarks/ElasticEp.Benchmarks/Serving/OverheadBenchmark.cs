using ElasticEp.Benchmarks.Steps;
using ElasticEp.Samples.Qwen3Moe;

namespace ElasticEp.Benchmarks.Serving;

/// <summary>
/// Tokens a second of the embedded model: a group of one rank against the same model code without the library, in turns. Both batch
/// and sample alike, and must generate the same tokens.
/// </summary>
internal static class OverheadBenchmark
{
    private const int MaxTokens = 256;
    private const int Seed = 1;
    private const int WarmUpRounds = 6; // until everything is compiled for speed

    private static readonly BatchShape[] Shapes = [new(1, 256, 257), new(8, 128, 129), new(32, 128, 65)];

    public static async Task<int> RunAsync(string[] args)
    {
        var rounds = Numbers.Option(args, "rounds", 15);
        var checkpoint = Checkpoint.Open(EmbeddedModel.Directory);
        var plain = new PlainServing(checkpoint, MaxTokens);
        await using var group = await ServingGroup.StartAsync(checkpoint, 1, MaxTokens);
        Console.WriteLine($"{rounds} rounds, {Environment.ProcessorCount} processors, seed {Seed}");
        Console.WriteLine("| sequences | phase | tokens/s without the library | with it, 1 rank | ratio of medians (least and most of a round) | ratio of processor time without and with it |");
        Console.WriteLine("|---|---|---|---|---|---|");
        foreach (var shape in Shapes)
            await CompareAsync(shape, rounds, plain, group.Ranks[0]);
        return 0;
    }

    private static async Task CompareAsync(BatchShape shape, int rounds, PlainServing plain, ServingRank rank)
    {
        var (theirs, ours) = (new List<BatchTimes>(), new List<BatchTimes>());
        for (var round = -WarmUpRounds; round < rounds; round++)
        {
            var isFirst = (round & 1) == 0;
            var a = isFirst ? await plain.RunAsync(shape, Seed + WarmUpRounds + round) : default;
            var b = await RunAsync(shape, Seed + WarmUpRounds + round, rank);
            a = isFirst ? a : await plain.RunAsync(shape, Seed + WarmUpRounds + round);
            if (!a.Tokens.AsSpan().SequenceEqual(b.Tokens))
                throw new InvalidOperationException($"Round {round}: the group has generated other tokens.");
            if (round < 0)
                continue;
            theirs.Add(a.Times);
            ours.Add(b.Times);
        }

        var processor = Numbers.Median(theirs.Select(times => times.Processor)) / Numbers.Median(ours.Select(times => times.Processor));
        Print($"{shape.Sequences} | prefill", [.. theirs.Select(times => times.Prefill)], [.. ours.Select(times => times.Prefill)], $"{processor:0.00}");
        Print($"{shape.Sequences} | decode", [.. theirs.Select(times => times.Decode)], [.. ours.Select(times => times.Decode)], "");
    }

    private static async Task<(BatchTimes Times, int[] Tokens)> RunAsync(BatchShape shape, int seed, ServingRank rank)
    {
        var batch = new SequenceBatch(rank.Model.Network, rank.Model.Workspace, rank.Model.CachePool, shape, seed);
        var start = BatchStart.Now;
        await rank.DoAsync(new SequenceWork(batch, rank.Model.Experts)).ConfigureAwait(false);
        var times = BatchTimes.Of(shape, start, batch);
        batch.End();
        return (times, [.. batch.Generated]);
    }

    private static void Print(string name, double[] theirs, double[] ours, string processor)
    {
        var ratios = ours.Zip(theirs, (a, b) => a / b).ToArray();
        Console.WriteLine($"| {name} | {Numbers.Median(theirs):0} | {Numbers.Median(ours):0} | {Numbers.Median(ours) / Numbers.Median(theirs):0.00} ({ratios.Min():0.00} to {ratios.Max():0.00}) | {processor} |");
    }
}
