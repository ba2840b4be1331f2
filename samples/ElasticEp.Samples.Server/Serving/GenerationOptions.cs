namespace ElasticEp.Samples.Server.Serving;

/// <summary>How to generate.</summary>
/// <param name="MaxTokens">Most tokens to generate.</param>
/// <param name="Temperature">0 is greedy.</param>
/// <param name="Seed">Seed of the draws, fixed at admission.</param>
/// <param name="IgnoreEos">Whether the end-of-text token does not end the text.</param>
internal sealed record GenerationOptions(int MaxTokens, float Temperature, ulong Seed, bool IgnoreEos);
