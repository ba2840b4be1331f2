namespace ElasticEp.Exchange;

/// <summary>
/// Where the tokens of one dispatch go, and where their results come back to. Filled from the top-k ids and the placement; all
/// arrays are made once. Replica of an expert: (token + own rank) mod replicas, which spreads load and depends on nothing else.
/// </summary>
internal sealed class RoutePlan(ExchangeLayout layout)
{
    private readonly int[] _destinationOf = new int[layout.TopK]; // index of member, per position of the current token
    private readonly int[] _slotOf = new int[layout.TopK];
    private Destination[] _destinations = [];

    /// <summary>Tokens of this dispatch.</summary>
    public int Tokens { get; private set; }

    /// <summary>For the final sum: row of the combine region for each (token, term), or −1.</summary>
    public int[] RowOf { get; } = new int[layout.MaxTokens * layout.TopK];

    /// <summary>For the final sum: weight of each (token, term).</summary>
    public float[] WeightOf { get; } = new float[layout.MaxTokens * layout.TopK];

    public ReadOnlySpan<Destination> Destinations => _destinations;

    public void EnterView(int members)
    {
        _destinations = new Destination[members];
        for (var i = 0; i < members; i++)
            _destinations[i] = new Destination(layout);
    }

    /// <summary>Routes. Throws before anything has changed outside of this plan.</summary>
    public void Fill(int layer, int rank, int tokens, ReadOnlySpan<int> ids, ReadOnlySpan<float> weights, GroupView view, ReadOnlySpan<int> memberOfRank)
    {
        Tokens = tokens;
        foreach (var destination in _destinations)
            destination.Clear();
        for (var token = 0; token < tokens; token++)
            RouteToken(layer, rank, token, ids.Slice(token * layout.TopK, layout.TopK), weights.Slice(token * layout.TopK, layout.TopK), view, memberOfRank);
        Place(weights);
    }

    private void RouteToken(int layer, int rank, int token, ReadOnlySpan<int> ids, ReadOnlySpan<float> weights, GroupView view, ReadOnlySpan<int> memberOfRank)
    {
        for (var j = 0; j < ids.Length; j++)
        {
            _destinationOf[j] = -1;
            if (!float.IsFinite(weights[j]))
                throw ExchangeErrors.Argument($"The weight of token {token}, position {j} is {weights[j]}; weights must be finite.");
            if (ids[j] == -1)
                continue;
            if (ids[j] < -1 || ids[j] >= layout.Experts)
                throw ExchangeErrors.Argument($"The expert of token {token}, position {j} is {ids[j]}; it must be −1 or 0 to {layout.Experts - 1}.");
            var replicas = view.Placement.GetReplicas(layer, ids[j]);
            if (replicas.IsEmpty)
                throw new ElasticEpException(ElasticEpErrorCode.ExpertsLost, $"No rank of {view} holds expert {ids[j]} of layer {layer}.") { Epoch = view.Epoch };
            var replica = replicas[(token + rank) % replicas.Length];
            _destinationOf[j] = memberOfRank[replica.Rank];
            _slotOf[j] = replica.Slot;
        }

        for (var j = 0; j < ids.Length; j++)
        {
            if (_destinationOf[j] >= 0 && _destinationOf.AsSpan(0, j).IndexOf(_destinationOf[j]) < 0)
                _destinations[_destinationOf[j]].Add(token, _destinationOf[j], _destinationOf, _slotOf, weights);
        }
    }

    /// <summary>
    /// Gives every returning row its place: destination after destination, in the order of dispatch. A pre-reduced token has one row
    /// per rank, added by ascending rank.
    /// </summary>
    private void Place(ReadOnlySpan<float> weights)
    {
        var terms = Tokens * layout.TopK;
        RowOf.AsSpan(0, terms).Fill(-1);
        weights[..terms].CopyTo(WeightOf);
        var next = 0;
        foreach (var destination in _destinations)
        {
            destination.FirstReturn = next;
            for (var row = 0; row < destination.Rows; row++)
            {
                var token = destination.Tokens[row];
                if (layout.IsPreReduced)
                {
                    PlacePreReduced(token, next++);
                    continue;
                }

                for (var j = 0; j < layout.TopK; j++)
                {
                    if (destination.SlotAt(row, j) >= 0)
                        RowOf[(token * layout.TopK) + j] = next++;
                }
            }

            destination.Returns = next - destination.FirstReturn;
        }

        if (layout.IsPreReduced)
            WeightOf.AsSpan(0, terms).Fill(1f); // the weights were applied where the experts are
    }

    private void PlacePreReduced(int token, int row)
    {
        var terms = RowOf.AsSpan(token * layout.TopK, layout.TopK);
        terms[terms.IndexOf(-1)] = row;
    }
}
