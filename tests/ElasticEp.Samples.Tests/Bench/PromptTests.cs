using ElasticEp.Samples.Bench;
using ElasticEp.Samples.Bench.Load;

namespace ElasticEp.Samples.Tests.Bench;

public sealed class PromptTests
{
    [Fact]
    public void Random_prompts_are_runs_of_ids_from_a_random_one_around_the_vocabulary()
    {
        var prompts = RandomPrompts.Create(50, 10, 7, new Random(5));
        Assert.Equal(50, prompts.Length);
        Assert.All(prompts, prompt => Assert.Equal(Enumerable.Range(0, 10).Select(i => (prompt.Ids![0] + i) % 7), prompt.Ids));
        Assert.Equal([0, 1, 2, 3, 4, 5, 6], prompts.Select(prompt => prompt.Ids![0]).Distinct().Order());
    }

    [Fact]
    public void A_seed_gives_the_same_random_prompts() =>
        Assert.Equal(RandomPrompts.Create(3, 9, 1000, new Random(5)).SelectMany(prompt => prompt.Ids!), RandomPrompts.Create(3, 9, 1000, new Random(5)).SelectMany(prompt => prompt.Ids!));

    [Fact]
    public void Text_prompts_are_runs_of_one_text_that_wrap_at_its_end()
    {
        int[][] texts = [[0, 1, 2, 3, 4], [10, 11, 12]];
        var prompts = TextPrompts.FromTokens(50, 12, texts, new Random(1));
        Assert.All(prompts, prompt =>
        {
            var text = texts[prompt.Ids![0] >= 10 ? 1 : 0];
            var offset = Array.IndexOf(text, prompt.Ids[0]);
            Assert.Equal(Enumerable.Range(0, 12).Select(i => text[(offset + i) % text.Length]), prompt.Ids);
        });
        Assert.Equal(8, prompts.Select(prompt => prompt.Ids![0]).Distinct().Count());
    }

    [Fact]
    public void Without_a_tokenizer_a_token_is_four_characters() =>
        Assert.Equal("aaaaaaaaaaaa", Assert.Single(TextPrompts.FromCharacters(1, 3, ["a"], new Random(0))).Text);

    [Fact]
    public void The_texts_built_in_are_prose_and_code()
    {
        var texts = TextLibrary.Load(null);
        Assert.Equal(5, texts.Count);
        Assert.All(texts, text => Assert.InRange(text.Length, 2000, 10_000));
        Assert.Contains(texts, text => text.StartsWith("The harbour wakes", StringComparison.Ordinal));
        Assert.Contains(texts, text => text.StartsWith("import heapq", StringComparison.Ordinal));
    }

    [Fact]
    public void An_empty_file_is_named()
    {
        var path = Path.GetTempFileName();
        try
        {
            Assert.Contains(path, Assert.Throws<BenchException>(() => TextLibrary.Load(path)).Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
