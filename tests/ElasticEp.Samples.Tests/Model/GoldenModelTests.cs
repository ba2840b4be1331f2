using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Serving;

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
    public void All_golden_cases_in_one_batch_give_exactly_their_tokens()
    {
        var tokens = new SingleProcess().GenerateTogether([.. GoldenFile.Cases.Select(golden => golden.PromptIds)], 96);
        for (var i = 0; i < tokens.Length; i++)
            Assert.Equal(GoldenFile.Cases[i].GreedyIds, tokens[i]);
    }

    [Fact]
    public void First_step_logits_and_log_probabilities_are_within_1e_4()
    {
        var model = new SingleProcess();
        foreach (var golden in GoldenFile.Cases)
        {
            var logits = model.ForwardLast(new SequenceChunk(model.NewCache(), golden.PromptIds, 0))[0];
            foreach (var (token, expected) in golden.FirstStep)
                Assert.Equal(expected, Sampler.LogProbability(logits, token), 1e-4);
            for (var token = 0; token < golden.FirstLogits.Length; token++)
                Assert.Equal(golden.FirstLogits[token], logits[token], 1e-4);
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
}
