namespace ElasticEp.Samples.Serving;

/// <summary>What a front end takes, and what it knows of ranks.</summary>
public sealed class FrontEndOptions
{
    /// <summary>Most requests that are queued or running.</summary>
    /// <value>4096.</value>
    public int Capacity { get; init; } = 4096;

    /// <summary>What a rank has room for: the ranks' own limits.</summary>
    public required ModelLimits Limits { get; init; }

    /// <summary>Most prompt tokens of a step on each rank: the ranks' own, see <see cref="ServingOptions.MaxPromptTokensPerStep"/>.</summary>
    /// <value>null: what a step has room for.</value>
    public int? MaxPromptTokensPerStep { get; init; }

    /// <summary>How long a request may wait for the first step with it until it is given up.</summary>
    /// <value>null: as long as it takes.</value>
    public TimeSpan? MaxQueueTime { get; init; }

    internal int MaxPromptTokens => ServingOptions.MaxPromptTokens(MaxPromptTokensPerStep, Limits);
}
