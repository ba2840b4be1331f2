namespace ElasticEp.Samples.Tests.Serving.Simulation;

/// <summary>What may happen in a step.</summary>
internal enum SimFault
{
    None,

    /// <summary>What is under way to a rank is lost.</summary>
    BreakToRank,

    /// <summary>What is under way from a rank is lost.</summary>
    BreakToFrontEnd,

    /// <summary>The front end and a rank do not reach each other for some seconds.</summary>
    Cut,

    Join,

    Leave,

    FailBatch,

    /// <summary>In the middle of the step.</summary>
    Kill,
}
