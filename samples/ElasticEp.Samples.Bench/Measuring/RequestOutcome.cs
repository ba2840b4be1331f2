namespace ElasticEp.Samples.Bench.Measuring;

/// <summary>What became of one request. Times are seconds since the run began.</summary>
internal sealed record RequestOutcome
{
    /// <summary>When it was sent; waiting for a place under <c>--max-concurrency</c> comes before.</summary>
    public required double Start { get; init; }

    /// <summary>Tokens of its prompt.</summary>
    public required int InputTokens { get; init; }

    /// <summary>Tokens that it generated, by the server's usage if it reports any, else as they were seen to come.</summary>
    public required int OutputTokens { get; init; }

    /// <summary>The pieces of its stream; those of a failed request too.</summary>
    public required IReadOnlyList<ChunkArrival> Chunks { get; init; }

    /// <summary>Why it failed; null when it succeeded.</summary>
    public string? Error { get; init; }

    public bool IsSuccess => Error is null;

    public double TimeToFirstToken => Chunks[0].Time - Start;

    /// <summary>To the last token; what follows it (usage, the end mark) does not count.</summary>
    public double Latency => Chunks[^1].Time - Start;

    public double End => Chunks.Count == 0 ? Start : Chunks[^1].Time;
}
