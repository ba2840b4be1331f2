using System.Runtime.InteropServices;
using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Serving;

namespace ElasticEp.Samples.Tests.Model;

/// <summary>A row's logits depend on its own sequence alone. Checked on bits.</summary>
public sealed class BitIdentityTests
{
    private static readonly int[] Prompt = [.. GoldenFile.Cases.SelectMany(golden => golden.PromptIds.Concat(golden.GreedyIds)).Take(500)];
    private static readonly int[] Other = [.. GoldenFile.Cases.Reverse().SelectMany(golden => golden.GreedyIds).Take(300)];

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(64)]
    public void A_prompt_in_chunks_beside_another_gives_the_logits_of_the_whole(int chunk)
    {
        var model = new SingleProcess();
        var (cache, otherCache) = (model.NewCache(), model.NewCache());
        var logits = new List<float[]>();
        for (var start = 0; start < Prompt.Length; start += chunk)
        {
            var part = Prompt.AsMemory(start, Math.Min(chunk, Prompt.Length - start));
            var batch = new List<SequenceChunk> { new(cache, part, start) };
            if (start < Other.Length)
                batch.Insert(0, new(otherCache, Other.AsMemory(start, Math.Min(chunk, Other.Length - start)), start));
            logits.AddRange(model.Forward(batch).TakeLast(part.Length));
        }

        AssertSameBits(model.Forward(new SequenceChunk(model.NewCache(), Prompt, 0)), logits);
    }

    [Fact]
    public void Decoding_gives_the_logits_of_a_replayed_prefill()
    {
        var model = new SingleProcess();
        var cache = model.NewCache();
        var text = Prompt.Take(100).ToList();
        var decoded = new List<float[]> { model.ForwardLast(new SequenceChunk(cache, text.ToArray(), 0))[0] };
        while (decoded.Count < 64)
        {
            text.Add(Sampler.Sample(decoded[^1], SamplingSettings.Greedy, 0));
            decoded.Add(model.Forward(new SequenceChunk(cache, new[] { text[^1] }, text.Count - 1))[0]);
        }

        AssertSameBits(model.Forward(new SequenceChunk(model.NewCache(), text.ToArray(), 0)).TakeLast(64), decoded);
    }

    [Fact]
    public void A_step_that_is_run_again_gives_the_same_logits()
    {
        var model = new SingleProcess();
        var cache = model.NewCache();
        model.Forward(new SequenceChunk(cache, Prompt.AsMemory(0, 90), 0));
        var first = model.Forward(new SequenceChunk(cache, Prompt.AsMemory(90, 20), 90));
        AssertSameBits(first, model.Forward(new SequenceChunk(cache, Prompt.AsMemory(90, 20), 90)));
        cache.Rewind(50);
        AssertSameBits(first, model.Forward(new SequenceChunk(cache, Prompt.AsMemory(50, 60), 50)).TakeLast(20));
    }

    [Fact]
    public void Stale_and_unfinished_content_of_a_borrowed_page_does_not_matter()
    {
        var model = new SingleProcess();
        var pool = new KvCachePool(model.Model.Config);
        var dirty = new KvCache(pool);
        dirty.Reserve(64);
        for (var page = 0; page < dirty.Pages; page++)
        {
            for (var layer = 0; layer < model.Model.Config.Layers; layer++)
            {
                dirty.Keys(page, layer, 0).Fill(float.NaN);
                dirty.Values(page, layer, 1).Fill(float.PositiveInfinity);
            }
        }

        dirty.Commit(64);
        dirty.Dispose();
        Assert.Equal(pool.MaxPages, pool.AvailablePages);
        using var cache = new KvCache(pool);
        AssertSameBits(model.Forward(new SequenceChunk(model.NewCache(), Prompt.AsMemory(0, 37), 0)), model.Forward(new SequenceChunk(cache, Prompt.AsMemory(0, 37), 0)));
    }

    [Fact]
    public void Every_vector_width_gives_the_same_logits()
    {
        var expected = new SingleProcess(width: VectorWidth.Scalar).Forward(Mixed());
        foreach (var width in (VectorWidth[])[VectorWidth.Vector128, VectorWidth.Vector256, VectorWidth.Vector512])
            AssertSameBits(expected, new SingleProcess(width: width).Forward(Mixed()));

        static SequenceChunk[] Mixed()
        {
            var config = Qwen3MoeConfig.Load(EmbeddedModel.Directory);
            return [new(new KvCache(config), Prompt.AsMemory(0, 41), 0), new(new KvCache(config), Other.AsMemory(0, 6), 0)];
        }
    }

    private static void AssertSameBits(IEnumerable<float[]> expected, IEnumerable<float[]> actual)
    {
        var (left, right) = (expected.ToArray(), actual.ToArray());
        Assert.Equal(left.Length, right.Length);
        for (var row = 0; row < left.Length; row++)
            Assert.True(MemoryMarshal.AsBytes<float>(left[row]).SequenceEqual(MemoryMarshal.AsBytes<float>(right[row])), $"row {row} differs");
    }
}
