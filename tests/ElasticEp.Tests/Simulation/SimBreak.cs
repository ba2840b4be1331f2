using ElasticEp.Steps;

namespace ElasticEp.Tests.Simulation;

/// <summary>What is broken on purpose; nothing by default.</summary>
internal sealed record SimBreak
{
    public StepRules Rules { get; init; } = StepRules.Default;

    /// <summary>Rule 4: frames of an attempt that was stopped are not kept out before their tags are judged.</summary>
    public bool IgnoresFence { get; init; }

    /// <summary>Rule 7: the front end looks neither at the owner number nor at the position.</summary>
    public bool AcceptsAnyToken { get; init; }
}
