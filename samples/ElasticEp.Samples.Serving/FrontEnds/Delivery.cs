namespace ElasticEp.Samples.Serving.FrontEnds;

/// <summary>What a request's reader gets.</summary>
/// <param name="Request">The request.</param>
/// <param name="Token">A token; counts when there is no failure.</param>
/// <param name="Failure">Why there will be none any more.</param>
internal readonly record struct Delivery(GenerationRequest Request, ReleasedToken Token, Exception? Failure)
{
    public void Deliver()
    {
        if (Failure is null)
            Request.Deliver(Token);
        else
            Request.Fail(Failure);
    }
}
