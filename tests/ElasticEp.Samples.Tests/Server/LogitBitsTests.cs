using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Tests.Model;

namespace ElasticEp.Samples.Tests.Server;

/// <summary>Every logit has the same bits on any number of ranks and however the prompt is cut, each expert held exactly once.</summary>
public sealed class LogitBitsTests
{
    private const int PromptLength = 500;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(8)]
    public async Task Logits_of_500_token_prompts_equal_those_of_one_process_in_every_bit(int ranks)
    {
        var oracle = new SingleProcess();
        var prompts = Enumerable.Range(0, ranks).Select(rank => Prompt(rank)).ToArray();
        var expected = prompts.Select(prompt => oracle.Forward(new SequenceChunk(new KvCache(oracle.Model.Config), prompt, 0))).ToArray();
        await using var group = await ElasticLogits.StartAsync(ranks, PromptLength);
        foreach (var chunk in (int[])[PromptLength, 64, 7, 1])
        {
            var caches = prompts.Select(_ => new KvCache(oracle.Model.Config)).ToArray();
            var end = chunk < 64 ? 20 * chunk : PromptLength; // small chunks: the first twenty, then a replay of one decode step
            for (var start = 0; start < end; start += chunk)
            {
                var batches = prompts.Select((prompt, rank) => new[] { new SequenceChunk(caches[rank], prompt.AsMemory(start, Math.Min(chunk, PromptLength - start)), start) }).ToArray();
                await CompareAsync(group, batches, expected);
                if (start > 0)
                    await CompareAsync(group, [.. batches.Select((batch, rank) => rank == start % ranks ? batch : [])], expected);
            }
        }
    }

    private static async Task CompareAsync(ElasticLogits group, SequenceChunk[][] batches, float[][][] expected)
    {
        var logits = await group.ForwardAsync(batches);
        for (var rank = 0; rank < batches.Length; rank++)
        {
            for (var row = 0; row < logits[rank].Length; row++)
                Assert.True(expected[rank][batches[rank][0].Start + row].AsSpan().SequenceEqual(logits[rank][row]), $"rank {rank} of {batches.Length}, position {batches[rank][0].Start + row}");
        }
    }

    private static int[] Prompt(int rank) => [.. GoldenFile.Cases.Skip(rank).Concat(GoldenFile.Cases).SelectMany(golden => golden.PromptIds.Concat(golden.GreedyIds)).Take(PromptLength)];
}
