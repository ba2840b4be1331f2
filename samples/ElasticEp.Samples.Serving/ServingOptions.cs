namespace ElasticEp.Samples.Serving;

/// <summary>How ranks batch. All ranks of a group, and its front ends, need the same.</summary>
public sealed class ServingOptions
{
    /// <summary>Most prompt tokens of a step on each rank, at least 1, so that no rank waits for another's prompts.</summary>
    /// <value>null: what a step has room for.</value>
    public int? MaxPromptTokensPerStep { get; set; }

    /// <exception cref="ArgumentException">It is less than 1.</exception>
    internal static int MaxPromptTokens(int? option, ModelLimits limits) => option is < 1
        ? throw new ArgumentException($"{nameof(MaxPromptTokensPerStep)} is {option}; it must be at least 1, or prompts would never be read.")
        : option ?? limits.Rows;
}
