namespace ElasticEp.Samples.Serving;

/// <summary>How ranks batch. All ranks of a group need the same.</summary>
public sealed class ServingOptions
{
    /// <summary>Most prompt tokens of a step on each rank, so that no rank waits for another's prompts.</summary>
    /// <value>null: what a step has room for.</value>
    public int? MaxPromptTokensPerStep { get; set; }

    /// <summary>Most sequences at a time on each rank, where that is less than the model has room for.</summary>
    /// <value>null: the model's.</value>
    public int? MaxSequences { get; set; }

    internal ModelLimits Limit(ModelLimits limits) => limits with { Sequences = Math.Min(MaxSequences ?? limits.Sequences, limits.Sequences) };

    internal int MaxPromptTokens(ModelLimits limits) => MaxPromptTokensPerStep ?? limits.Rows;
}
