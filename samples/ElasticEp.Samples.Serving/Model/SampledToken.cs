namespace ElasticEp.Samples.Serving;

/// <summary>What a chunk has sampled.</summary>
/// <param name="Token">Id of the token; −1 when the chunk samples none, or no token may come.</param>
/// <param name="LogProbabilities">The token's own, then those of the best tokens; null when none were asked for.</param>
/// <param name="IsFinite">Whether the logits were numbers; otherwise the token counts for nothing, and its request fails.</param>
public readonly record struct SampledToken(int Token, TokenProbability[]? LogProbabilities = null, bool IsFinite = true)
{
    /// <summary>
    /// Log probabilities of the chunk's <see cref="StepChunk.Targets"/>, an entry for each: the token's own, then those of the best tokens, as many as
    /// <see cref="SequenceStart.PromptLogProbabilities"/> says.
    /// </summary>
    /// <value>null when it has no targets.</value>
    public TokenProbability[][]? Scores { get; init; }

    /// <summary>Nothing is sampled.</summary>
    public static SampledToken None => new(-1);
}
