namespace ElasticEp.Exchange;

/// <summary>Tokens per layer and logical expert over all completed steps. Used under the exchange's lock.</summary>
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

    /// <summary>Copies the counts.</summary>
    public (long[] Dispatched, long[] Received) Read() => ([.. _dispatched], [.. _received]);
}
