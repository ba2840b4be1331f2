namespace ElasticEp.Hosting.Launching;

/// <summary>How far a launch is.</summary>
internal enum LaunchPhase
{
    Starting,

    /// <summary>Its start was cancelled, and has not ended yet.</summary>
    Cancelled,

    Running,
    Stopping,
}
