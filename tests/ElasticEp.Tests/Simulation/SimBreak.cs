using ElasticEp.Steps;

namespace ElasticEp.Tests.Simulation;

/// <summary>What is broken on purpose; nothing by default.</summary>
internal sealed record SimBreak
{
    public StepRules Rules { get; init; } = StepRules.Default;

    /// <summary>Rule 7: the front end looks neither at the owner number nor at the position.</summary>
    public bool AcceptsAnyToken { get; init; }
}
