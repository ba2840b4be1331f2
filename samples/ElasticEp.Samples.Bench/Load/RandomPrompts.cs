namespace ElasticEp.Samples.Bench.Load;

/// <summary>
/// Prompts of token ids as <c>vllm bench serve</c> makes them: the prompt's number added to a random offset, and from there one id after
/// another, around the vocabulary. The routing of such tokens is not that of real text.
/// </summary>
internal static class RandomPrompts
{
    public static BenchPrompt[] Create(int count, int length, int vocabularySize, Random random)
    {
        var prompts = new BenchPrompt[count];
        for (var i = 0; i < count; i++)
        {
            var (ids, offset) = (new int[length], (long)random.Next(vocabularySize) + i);
            for (var position = 0; position < length; position++)
                ids[position] = (int)((offset + position) % vocabularySize);
            prompts[i] = new BenchPrompt { Ids = ids };
        }

        return prompts;
    }
}
