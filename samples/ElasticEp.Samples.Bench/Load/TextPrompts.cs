namespace ElasticEp.Samples.Bench.Load;

/// <summary>
/// Prompts cut from texts. Each begins at a random place of a random text and wraps to its beginning at its end, so that its topic,
/// and with it the routing of its tokens, stays the same.
/// </summary>
internal static class TextPrompts
{
    /// <summary>Stands for a token where the server has no tokenizer to ask.</summary>
    public const int CharactersPerToken = 4;

    /// <summary>Prompts of exactly <paramref name="length"/> tokens.</summary>
    public static BenchPrompt[] FromTokens(int count, int length, IReadOnlyList<int[]> texts, Random random) =>
        Create(count, () => new BenchPrompt { Ids = Cut<int>(texts[random.Next(texts.Count)], length, random) });

    /// <summary>Prompts of about <paramref name="length"/> tokens.</summary>
    public static BenchPrompt[] FromCharacters(int count, int length, IReadOnlyList<string> texts, Random random) =>
        Create(count, () => new BenchPrompt { Text = new string(Cut<char>(texts[random.Next(texts.Count)], length * CharactersPerToken, random)) });

    private static BenchPrompt[] Create(int count, Func<BenchPrompt> next)
    {
        var prompts = new BenchPrompt[count];
        for (var i = 0; i < count; i++)
            prompts[i] = next();
        return prompts;
    }

    private static T[] Cut<T>(ReadOnlySpan<T> text, int length, Random random)
    {
        var piece = new T[length];
        var from = random.Next(text.Length);
        for (var done = 0; done < length; from = 0)
        {
            var part = text[from..Math.Min(text.Length, from + length - done)];
            part.CopyTo(piece.AsSpan(done));
            done += part.Length;
        }

        return piece;
    }
}
