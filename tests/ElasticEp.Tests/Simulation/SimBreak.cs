using ElasticEp.Steps;

namespace ElasticEp.Tests.Simulation;

/// <summary>What is broken on purpose; nothing by default.</summary>
internal sealed record SimBreak
{
    public StepRules Rules { get; init; } = StepRules.Default;

    /// <summary>Rule 4: frames of an attempt that was stopped are not kept out before their tags are judged.</summary>
    public bool IgnoresFence { get; init; }

    /// <summary>Rule 3: the store writes the record whatever its version is.</summary>
    public bool IgnoresVersions { get; init; }

    /// <summary>A write whose outcome is not known is taken for done.</summary>
    public bool TakesUnknownForDone { get; init; }

    /// <summary>What of the weights has come when a fetch is undone is taken for all of it.</summary>
    public bool TakesPartsForWhole { get; init; }

    /// <summary>A link that was up once is not made again.</summary>
    public bool NeverRedials { get; init; }

    /// <summary>Rule 7: the front end looks neither at the owner number nor at the position.</summary>
    public bool AcceptsAnyToken { get; init; }

    /// <summary>An attempt to load lost experts that has failed is not made again.</summary>
    public bool LoadsOnce { get; init; }

    /// <summary>What of a joiner that could not be started is reported again does not arrive.</summary>
    public bool ReportsLaunchFailuresOnce { get; init; }

    /// <summary>Rows go to any copy of an expert, passive ones too.</summary>
    public bool SendsToPassiveCopies { get; init; }
}
