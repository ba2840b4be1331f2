namespace ElasticEp.Exchange.Cpu;

/// <summary>
/// Where the tokens of one dispatch go, and where their results come back to. Filled from the top-k ids and the placement; reused.
/// Replica of an expert: (token + own rank) mod replicas, which spreads load and depends on nothing else.
/// <para>
/// A member returns rows in the order in which it got them, so every row that comes back has its place before it is sent: the rows of
/// one member lie together, and a combine frame needs no description and no copy on arrival.
/// </para>
/// </summary>
internal sealed class RoutePlan(ExchangeLayout layout)
{
    private readonly int[] _memberOf = new int[layout.TopK]; // of the current token; −1 = none
    private readonly int[] _slotOf = new int[layout.TopK];
    private readonly int[] _memberOfTerm = new int[layout.MaxTokens * layout.TopK];
    private readonly int[] _rowOf = new int[layout.MaxTokens * layout.TopK];
    private readonly float[] _weightOf = new float[layout.MaxTokens * layout.TopK];
    private Destination[] _destinations = [];
    private int[] _returns = [];
    private int[] _firstReturn = [];

    /// <summary>Tokens of this dispatch.</summary>
    public int Tokens { get; private set; }

    /// <summary>For the final sum: row of the combine region for each (token, term), or −1.</summary>
    public ReadOnlySpan<int> RowOf => _rowOf.AsSpan(0, Tokens * layout.TopK);

    /// <summary>For the final sum: weight of each (token, term).</summary>
    public ReadOnlySpan<float> WeightOf => _weightOf.AsSpan(0, Tokens * layout.TopK);

    /// <summary>What each member gets.</summary>
    public ReadOnlySpan<Destination> Destinations => _destinations;

    /// <summary>Rows that come back from each member.</summary>
    public ReadOnlySpan<int> Returns => _returns;

    /// <summary>First row of the combine region that each member fills.</summary>
    public ReadOnlySpan<int> FirstReturn => _firstReturn;

    public void EnterView(int members)
    {
        _destinations = [.. Enumerable.Range(0, members).Select(i => i < _destinations.Length ? _destinations[i] : new Destination(layout))];
        (_returns, _firstReturn) = (new int[members], new int[members]);
    }

    /// <summary>Routes. Throws before anything has changed outside of this plan.</summary>
    public void Fill(int layer, int rank, int tokens, ReadOnlySpan<int> ids, ReadOnlySpan<float> weights, GroupView view, ReadOnlySpan<int> memberOfRank)
    {
        Tokens = tokens;
        _returns.AsSpan().Clear();
        foreach (var destination in _destinations)
            destination.Clear();
        for (var token = 0; token < tokens; token++)
        {
            var first = token * layout.TopK;
            Choose(layer, rank, token, ids.Slice(first, layout.TopK), weights.Slice(first, layout.TopK), view, memberOfRank);
            Add(token, weights.Slice(first, layout.TopK));
        }

        var next = 0;
        for (var member = 0; member < _returns.Length; member++)
        {
            _firstReturn[member] = next;
            next += _returns[member];
        }

        for (var term = 0; term < tokens * layout.TopK; term++)
        {
            if (_memberOfTerm[term] >= 0)
                _rowOf[term] += _firstReturn[_memberOfTerm[term]];
        }
    }

    private void Choose(int layer, int rank, int token, ReadOnlySpan<int> ids, ReadOnlySpan<float> weights, GroupView view, ReadOnlySpan<int> memberOfRank)
    {
        for (var j = 0; j < ids.Length; j++)
        {
            _memberOf[j] = -1;
            if (!float.IsFinite(weights[j]))
                throw ExchangeErrors.Argument($"The weight of token {token}, position {j} is {weights[j]}; weights must be finite.");
            if (ids[j] == -1)
                continue;
            if (ids[j] < -1 || ids[j] >= layout.Experts)
                throw ExchangeErrors.Argument($"The expert of token {token}, position {j} is {ids[j]}; it must be −1 or 0 to {layout.Experts - 1}.");
            var replicas = view.Placement.GetReplicas(layer, ids[j]);
            if (replicas.IsEmpty)
                throw new ElasticEpException(ElasticEpErrorCode.ExpertsLost, $"No rank of {view} holds expert {ids[j]} of layer {layer}.") { Epoch = view.Epoch };
            var replica = replicas[(int)((uint)(token + rank) % (uint)replicas.Length)];
            (_memberOf[j], _slotOf[j]) = (memberOfRank[replica.Rank], replica.Slot);
        }
    }

    /// <summary>One row for each member that the token goes to, and a place for each row that comes back.</summary>
    private void Add(int token, ReadOnlySpan<float> weights)
    {
        var first = token * layout.TopK;
        _memberOfTerm.AsSpan(first, layout.TopK).Fill(-1);
        _rowOf.AsSpan(first, layout.TopK).Fill(-1);
        weights.CopyTo(_weightOf.AsSpan(first));
        var term = first;
        for (var j = 0; j < layout.TopK; j++)
        {
            var member = _memberOf[j];
            if (member < 0)
                continue;
            var isFirst = _memberOf.AsSpan(0, j).IndexOf(member) < 0;
            if (isFirst)
                _destinations[member].Add(token, member, _memberOf, _slotOf, weights);
            if (!layout.IsPreReduced)
                (_memberOfTerm[first + j], _rowOf[first + j]) = (member, _returns[member]++);
            else if (isFirst) // one row for each member, by first appearance; the weights were applied where the experts are
                (_memberOfTerm[term], _rowOf[term], _weightOf[term++]) = (member, _returns[member]++, 1f);
        }
    }
}
