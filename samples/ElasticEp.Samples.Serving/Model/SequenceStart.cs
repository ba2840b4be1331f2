namespace ElasticEp.Samples.Serving;

/// <summary>A sequence that begins, or goes on, on this rank.</summary>
/// <param name="Prompt">Token ids of the prompt.</param>
/// <param name="Generated">Tokens that were generated so far, by other ranks.</param>
/// <param name="Sampling">How tokens are drawn, with the seed.</param>
/// <param name="LogProbabilities">How many of the best tokens are wanted with their log probabilities beside the chosen one's; −1 = none at all.</param>
public sealed record SequenceStart(IReadOnlyList<int> Prompt, IReadOnlyList<int> Generated, SamplingSettings Sampling, int LogProbabilities)
{
    /// <summary>How many of the best tokens are wanted beside each target of a chunk, see <see cref="StepChunk.Targets"/>.</summary>
    /// <value>−1: no chunk has targets.</value>
    public int PromptLogProbabilities { get; init; } = GenerationOptions.NoLogProbabilities;

    /// <summary>How logits are changed before a token is chosen; not before log probabilities are taken.</summary>
    public LogitAdjustments Adjustments { get; init; } = LogitAdjustments.None;
}
