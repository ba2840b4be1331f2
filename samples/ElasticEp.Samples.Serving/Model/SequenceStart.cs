namespace ElasticEp.Samples.Serving;

/// <summary>A sequence that begins, or goes on, on this rank.</summary>
/// <param name="Prompt">Token ids of the prompt.</param>
/// <param name="Generated">Tokens that were generated so far, by other ranks.</param>
/// <param name="Sampling">How tokens are drawn, with the seed.</param>
/// <param name="LogProbabilities">How many of the best tokens are wanted with their log probabilities beside the chosen one's; −1 = none at all.</param>
public sealed record SequenceStart(IReadOnlyList<int> Prompt, IReadOnlyList<int> Generated, SamplingSettings Sampling, int LogProbabilities);
