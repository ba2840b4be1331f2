namespace ElasticEp.Steps;

/// <summary>What becomes of a data frame, given its tag.</summary>
internal enum FrameVerdict
{
    /// <summary>It belongs to the attempt that runs here.</summary>
    Accept,

    /// <summary>It is of an older attempt: thrown away and counted.</summary>
    Drop,

    /// <summary>It is of a later one: it waits until this rank has switched.</summary>
    Hold,

    /// <summary>No honest peer can have sent it: it is of this view and more than one step ahead.</summary>
    Violation,
}
