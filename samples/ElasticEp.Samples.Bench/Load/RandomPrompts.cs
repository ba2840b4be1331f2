namespace ElasticEp.Samples.Bench.Load;

/// <summary>Prompts of token ids, each drawn uniformly from the vocabulary.</summary>
internal static class RandomPrompts
{
    public static BenchPrompt[] Create(int count, int length, int vocabularySize, Random random)
    {
        var prompts = new BenchPrompt[count];
        for (var i = 0; i < count; i++)
        {
            var ids = new int[length];
            for (var position = 0; position < length; position++)
                ids[position] = random.Next(vocabularySize);
            prompts[i] = new BenchPrompt { Ids = ids };
        }

        return prompts;
    }
}
