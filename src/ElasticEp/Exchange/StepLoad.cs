namespace ElasticEp.Exchange;

/// <summary>Tokens per layer and logical expert in the step of one lane; worth nothing until the step is complete.</summary>
internal sealed class StepLoad(ExchangeLayout layout)
{
    private readonly int[] _dispatched = new int[layout.MoeLayers * layout.Experts];
    private readonly int[] _received = new int[layout.MoeLayers * layout.Experts];

    /// <summary>(token, expert) pairs that this rank's tokens chose, as <c>[layer, expert]</c>.</summary>
    public ReadOnlySpan<int> Dispatched => _dispatched;

    /// <summary>Rows that came to this rank, as <c>[layer, expert]</c>.</summary>
    public ReadOnlySpan<int> Received => _received;

    public void Clear()
    {
        _dispatched.AsSpan().Clear();
        _received.AsSpan().Clear();
    }

    /// <summary>This rank's tokens have chosen these experts; −1 is none.</summary>
    public void CountDispatched(int layer, ReadOnlySpan<int> ids)
    {
        var dispatched = _dispatched.AsSpan(layer * layout.Experts, layout.Experts);
        foreach (var id in ids)
        {
            if (id >= 0)
                dispatched[id]++;
        }
    }

    /// <summary>Rows have come for an expert.</summary>
    public void CountReceived(int layer, (int Expert, int Rows) group) => _received[(layer * layout.Experts) + group.Expert] += group.Rows;
}
