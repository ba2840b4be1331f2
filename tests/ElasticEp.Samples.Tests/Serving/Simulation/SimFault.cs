namespace ElasticEp.Samples.Tests.Serving.Simulation;

/// <summary>What may happen in a step.</summary>
internal enum SimFault
{
    None,

    /// <summary>What is under way to a rank is lost.</summary>
    BreakToRank,

    /// <summary>What is under way from a rank is lost.</summary>
    BreakToFrontEnd,

    Join,

    Leave,

    FailBatch,

    /// <summary>In the middle of the step.</summary>
    Kill,
}
