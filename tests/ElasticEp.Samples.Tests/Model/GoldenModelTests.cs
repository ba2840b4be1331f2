using ElasticEp.Samples.Qwen3Moe;

namespace ElasticEp.Samples.Tests.Model;

public sealed class GoldenModelTests
{
    [Fact]
    public void Every_golden_case_gives_exactly_its_tokens()
    {
        var model = new SingleProcess();
        foreach (var golden in GoldenFile.Cases)
            Assert.Equal(golden.GreedyIds, model.Generate(golden.PromptIds, golden.GreedyIds.Length));
    }

    [Fact]
    public void First_step_log_probabilities_are_within_1e_4()
    {
        var model = new SingleProcess();
        foreach (var golden in GoldenFile.Cases)
        {
            var logits = model.Forward(new SequenceChunk(new KvCache(model.Model.Config), golden.PromptIds, 0))[^1];
            foreach (var (token, expected) in golden.FirstStep)
                Assert.Equal(expected, Sampler.LogProbability(logits, token), 1e-4);
        }
    }

    [Fact]
    public void The_tokenizer_encodes_and_decodes_the_golden_cases()
    {
        var codec = TextCodec.Load(EmbeddedModel.Directory);
        foreach (var golden in GoldenFile.Cases)
        {
            Assert.Equal(golden.PromptIds, codec.Encode(golden.Prompt));
            Assert.Equal(golden.Prompt, codec.Decode(golden.PromptIds));
            Assert.Equal(golden.Text, codec.Decode(golden.GreedyIds));
            var decoder = new StreamingDecoder(codec);
            Assert.Equal(golden.Text, string.Concat(golden.GreedyIds.Select((id, i) => decoder.Add(id, i == golden.GreedyIds.Length - 1))));
        }
    }

    [Fact]
    public void All_logits_are_equal_in_every_bit_however_the_prompt_is_cut_and_batched()
    {
        var model = new SingleProcess();
        var prompt = GoldenFile.Cases.SelectMany(golden => golden.PromptIds.Concat(golden.GreedyIds)).Take(500).ToArray();
        var other = GoldenFile.Cases.Reverse().SelectMany(golden => golden.GreedyIds).Take(300).ToArray();
        var whole = model.Forward(new SequenceChunk(new KvCache(model.Model.Config), prompt, 0));
        foreach (var chunk in (int[])[1, 7, 64])
        {
            var (cache, otherCache) = (new KvCache(model.Model.Config), new KvCache(model.Model.Config));
            for (var start = 0; start < prompt.Length; start += chunk)
            {
                var part = prompt.AsMemory(start, Math.Min(chunk, prompt.Length - start));
                SequenceChunk[] batch = start < other.Length - 3
                    ? [new(otherCache, other.AsMemory(start, Math.Min(chunk, other.Length - start)), start), new(cache, part, start)]
                    : [new(cache, part, start)];
                var logits = model.Forward(batch);
                for (var i = 0; i < part.Length; i++)
                    Assert.True(whole[start + i].AsSpan().SequenceEqual(logits[^(part.Length - i)]), $"chunk {chunk}, position {start + i}");
            }
        }
    }

    [Fact]
    public void Vector_widths_give_the_same_bits()
    {
        var random = new Random(11);
        foreach (var length in (int[])[1, 15, 16, 17, 31, 64, 100, 128])
        {
            var x = Enumerable.Range(0, length).Select(_ => (float)(random.NextDouble() - 0.5)).ToArray();
            var w = Enumerable.Range(0, length).Select(_ => (float)(random.NextDouble() - 0.5)).ToArray();
            var results = Enum.GetValues<VectorWidth>().Select(width => WithWidth(width, () => BitConverter.SingleToInt32Bits(Lanes.Dot(x, w)))).Distinct();
            Assert.Single(results);
        }
    }

    private static int WithWidth(VectorWidth width, Func<int> run)
    {
        var before = Lanes.Width;
        Lanes.Width = width;
        try
        {
            return run();
        }
        finally
        {
            Lanes.Width = before;
        }
    }
}
