using ElasticEp.Samples.Serving;
using ElasticEp.Samples.Serving.FrontEnds;

namespace ElasticEp.Samples.Tests.Serving.Simulation;

/// <summary>What a simulated group is about.</summary>
internal sealed record SimSettings
{
    public ModelLimits Limits { get; init; } = new() { Pages = 24, PageSize = 4, Rows = 12, Sequences = 5, Positions = 90 };

    public int MaxPromptTokens { get; init; } = 8;

    /// <summary>By what the front end compares members.</summary>
    public Func<MemberState, double> Load { get; init; } = static member => member.Work;

    public int Ranks { get; init; } = 2;

    public int MaxRanks { get; init; } = 4;

    public int Requests { get; init; } = 40;

    public int LongestPrompt { get; init; } = 40;

    public int LongestText { get; init; } = 40;

    /// <summary>How likely steps run between two arrivals.</summary>
    public double ArrivalPause { get; init; } = 0.5;

    /// <summary>How likely something happens in a step.</summary>
    public double Faults { get; init; } = 0.05;

    /// <summary>How likely a message takes up to 1.5 s.</summary>
    public double LateMessages { get; init; } = 0.002;

    /// <summary>Most milliseconds, and steps, that any other one takes.</summary>
    public int MostDelay { get; init; } = 8;

    /// <summary>Steps after the last arrival in which something may happen.</summary>
    public int FaultySteps { get; init; } = 200;

    public int MostSteps { get; init; } = 20_000;
}
