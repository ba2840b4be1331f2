namespace ElasticEp.Samples.Serving;

/// <summary>What a chunk has sampled.</summary>
/// <param name="Token">Id of the token; −1 when the chunk samples none.</param>
/// <param name="LogProbabilities">The token's own, then those of the best tokens; null when none were asked for.</param>
/// <param name="IsFinite">Whether the logits were numbers; otherwise the token counts for nothing, and its request fails.</param>
public readonly record struct SampledToken(int Token, TokenProbability[]? LogProbabilities = null, bool IsFinite = true)
{
    /// <summary>Nothing is sampled.</summary>
    public static SampledToken None => new(-1);
}
