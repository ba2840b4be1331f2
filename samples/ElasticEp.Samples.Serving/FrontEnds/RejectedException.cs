namespace ElasticEp.Samples.Serving;

/// <summary>A request that no step has begun with is given up, or was not taken. Another time may be better.</summary>
/// <param name="reason">Why.</param>
/// <param name="message">The same in words.</param>
public sealed class RejectedException(Rejection reason, string message) : Exception(message)
{
    /// <summary>Why.</summary>
    public Rejection Reason => reason;
}
