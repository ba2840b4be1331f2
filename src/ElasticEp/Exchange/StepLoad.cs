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

    public void Count(int layer, ReadOnlySpan<int> ids, LaneRows rows)
    {
        var dispatched = _dispatched.AsSpan(layer * layout.Experts, layout.Experts);
        foreach (var id in ids)
        {
            if (id >= 0)
                dispatched[id]++;
        }

        var received = _received.AsSpan(layer * layout.Experts, layout.Experts);
        for (var group = 0; group < rows.Groups; group++)
        {
            var (expert, count) = rows.CountOf(group);
            received[expert] += count;
        }
    }
}
