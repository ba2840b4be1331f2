namespace ElasticEp.Samples.Serving;

/// <summary>How to generate.</summary>
/// <param name="MaxTokens">Most tokens to generate.</param>
/// <param name="Sampling">How tokens are drawn; the seed is fixed at admission.</param>
/// <param name="IgnoreEos">Whether the end-of-text token does not end the text.</param>
public sealed record GenerationOptions(int MaxTokens, SamplingSettings Sampling, bool IgnoreEos)
{
    /// <summary>No log probabilities are wanted.</summary>
    public const int NoLogProbabilities = -1;

    /// <summary>How many of the best tokens come with their log probabilities, beside the one that was chosen.</summary>
    public int LogProbabilities { get; init; } = NoLogProbabilities;

    /// <summary>How many of the best tokens come with each token of the prompt but the first, beside that token's own log probability.</summary>
    public int PromptLogProbabilities { get; init; } = NoLogProbabilities;

    /// <summary>How logits are changed before a token is chosen; with <see cref="LogitAdjustments.MinTokens"/> no token ends the text before.</summary>
    public LogitAdjustments Adjustments { get; init; } = LogitAdjustments.None;

    /// <summary>Choices that its call asked for; only counted, and not told to ranks.</summary>
    public int Choices { get; init; } = 1;

    /// <summary>
    /// The rank that it begins on; only for the front end, and not told to ranks. Null for any. One that leaves or is lost is none, and what happens to the
    /// request later is what happens to all.
    /// </summary>
    public int? FirstRank { get; init; }

    /// <summary>Tokens that end the text, beside the model's own.</summary>
    public IReadOnlyList<int> StopTokens { get; init; } = [];
}
