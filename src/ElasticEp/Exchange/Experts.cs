namespace ElasticEp.Exchange;

/// <summary>The app's compute of experts, of either kind.</summary>
internal readonly struct Experts
{
    public Experts(ExpertFunction single) => Single = single;

    public Experts(GroupedExpertFunction grouped) => Grouped = grouped;

    /// <summary>Computes one expert, or null.</summary>
    public ExpertFunction? Single { get; }

    /// <summary>Computes all experts, or null.</summary>
    public GroupedExpertFunction? Grouped { get; }
}
