namespace ElasticEp;

/// <summary>A scaling operation was refused because another one has not ended.</summary>
public sealed class ScaleInProgressException : ElasticEpException
{
    /// <summary>Creates the error.</summary>
    /// <param name="runningOperation">Id of the operation that runs.</param>
    public ScaleInProgressException(string runningOperation)
        : base(ElasticEpErrorCode.ScaleInProgress, $"Operation '{runningOperation}' is still running; wait until it ends, then scale again.") => RunningOperation = runningOperation;

    /// <summary>Id of the operation that runs.</summary>
    public string RunningOperation { get; }
}
