namespace ElasticEp.Exchange;

/// <summary>Tokens per layer and logical expert over the completed steps of a window. Used under the exchange's lock.</summary>
internal sealed class ExpertLoad(ExchangeLayout layout)
{
    private readonly long[] _dispatched = new long[layout.MoeLayers * layout.Experts];
    private readonly long[] _received = new long[layout.MoeLayers * layout.Experts];

    public void Add(StepLoad step)
    {
        for (var i = 0; i < _dispatched.Length; i++)
        {
            _dispatched[i] += step.Dispatched[i];
            _received[i] += step.Received[i];
        }
    }

    /// <summary>Copies the counts and starts a new window.</summary>
    public void Take(Span<long> dispatched, Span<long> received)
    {
        _dispatched.CopyTo(dispatched);
        _received.CopyTo(received);
        _dispatched.AsSpan().Clear();
        _received.AsSpan().Clear();
    }
}
