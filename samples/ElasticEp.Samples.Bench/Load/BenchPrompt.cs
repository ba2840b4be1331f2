namespace ElasticEp.Samples.Bench.Load;

/// <summary>One prompt: token ids, or a text whose tokens only the server can count.</summary>
internal sealed record BenchPrompt
{
    public int[]? Ids { get; init; }

    public string? Text { get; init; }
}
