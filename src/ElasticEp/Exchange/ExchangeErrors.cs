namespace ElasticEp.Exchange;

/// <summary>The errors of an exchange, worded in one place.</summary>
internal static class ExchangeErrors
{
    public static ElasticEpException Argument(string message) => new(ElasticEpErrorCode.InvalidArgument, message);

    public static ElasticEpException State(string message) => new(ElasticEpErrorCode.InvalidState, message);

    public static ElasticEpException Violation(MemberId source, string what) =>
        new(ElasticEpErrorCode.ProtocolViolation, $"A frame of {source} does not fit the layout: {what}.") { Rank = source.Rank };

    public static InsufficientMemoryException Memory(string what, OutOfMemoryException cause) =>
        new($"There is not enough memory: {what}. Lower MaxTokensPerRank or Lanes, or give the process more.", cause);

    /// <summary>The same error once more: an exception object is thrown by one call only.</summary>
    public static Exception Again(Exception cause) => cause switch
    {
        ElasticEpException e => new ElasticEpException(e.Code, e.Message, e) { Epoch = e.Epoch, Rank = e.Rank },
        OperationCanceledException e => new OperationCanceledException(e.Message, e, e.CancellationToken),
        _ => new ElasticEpException(ElasticEpErrorCode.StepFailed, cause.Message, cause),
    };
}
