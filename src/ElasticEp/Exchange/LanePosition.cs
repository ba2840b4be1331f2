namespace ElasticEp.Exchange;

/// <summary>
/// The position of one lane in a step, of this rank and of every source: which frame each source may send next, and what is still
/// missing here. Pure bookkeeping: it holds no memory, lock or time.
/// <para>
/// A source sends the dispatch of layer n + 1 only when it has every dispatch of layer n, this rank's included, and this rank
/// sends that of n + 1 only when it has combined layer n. So a source is at most one dispatch ahead, two regions for each, chosen by the
/// parity of the layer, are enough, and a combine that returns no rows needs no frame.
/// </para>
/// </summary>
internal sealed class LanePosition
{
    private enum Returns : byte
    {
        None,
        Expected,
        Placed,
        Complete,
    }

    private int[] _layers = []; // [member, parity]: the layer that lies in the region, −1 = none
    private bool[] _isComplete = []; // [member, parity]
    private Returns[] _returns = [];
    private int[] _expected = [];
    private int _members;
    private int _self;
    private bool _usesFrames;

    /// <summary>Layers dispatched here in this step.</summary>
    public int Dispatched { get; private set; }

    /// <summary>Layers combined here in this step.</summary>
    public int Combined { get; private set; }

    /// <summary>Sources whose dispatch of the current layer is not complete.</summary>
    public int MissingDispatches { get; private set; }

    /// <summary>Sources whose combine of the current layer is not complete.</summary>
    public int MissingReturns { get; private set; }

    /// <param name="members">Members of the view.</param>
    /// <param name="self">Index of this one.</param>
    /// <param name="usesFrames">Whether rows travel in frames: otherwise none may come, and none is missing.</param>
    public void EnterView(int members, int self, bool usesFrames = true)
    {
        _members = members;
        _self = self;
        _usesFrames = usesFrames;
        if (_returns.Length < members)
            (_layers, _isComplete, _returns, _expected) = (new int[2 * members], new bool[2 * members], new Returns[members], new int[members]);
        BeginStep();
    }

    public void BeginStep()
    {
        (Dispatched, Combined, MissingDispatches, MissingReturns) = (0, 0, 0, 0);
        _layers.AsSpan().Fill(-1);
        _isComplete.AsSpan().Clear();
        _returns.AsSpan().Clear();
    }

    /// <summary>A dispatch's header has come.</summary>
    /// <returns>What is wrong with it, or null: then its payload may go to the region of its parity.</returns>
    public string? PlaceDispatch(int member, int layer)
    {
        if (!_usesFrames)
            return $"a dispatch of layer {layer} in a frame, while rows travel from device to device";
        if (layer != Dispatched && layer != Dispatched - 1)
            return $"a dispatch of layer {layer}, while {Dispatched} layers were dispatched here";
        var region = Region(member, layer);
        if (_layers[region] >= layer)
            return $"a second dispatch of layer {layer}";
        if (layer > 0 && !HasDispatched(member, layer - 1))
            return $"a dispatch of layer {layer} before that of layer {layer - 1} was complete";
        (_layers[region], _isComplete[region]) = (layer, false);
        return null;
    }

    /// <summary>The payload of a dispatch is complete.</summary>
    public void CompleteDispatch(int member, int layer)
    {
        _isComplete[Region(member, layer)] = true;
        if (layer == Dispatched - 1)
            MissingDispatches--;
    }

    /// <summary>This rank dispatches its next layer.</summary>
    /// <param name="returns">Rows that come back from each member.</param>
    public void BeginDispatch(ReadOnlySpan<int> returns)
    {
        Dispatched++;
        (MissingDispatches, MissingReturns) = (0, 0);
        for (var member = 0; member < _members; member++)
        {
            _expected[member] = returns[member];
            _returns[member] = returns[member] > 0 && member != _self ? Returns.Expected : Returns.None;
            MissingReturns += _returns[member] == Returns.Expected ? 1 : 0;
            MissingDispatches += IsDispatchMissing(member) ? 1 : 0;
        }
    }

    /// <summary>A combine's header has come.</summary>
    /// <returns>What is wrong with it, or null: then its payload may go to the rows that this member owes.</returns>
    public string? PlaceCombine(int member, int layer, int count)
    {
        if (layer != Dispatched - 1 || Combined == Dispatched)
            return $"a combine of layer {layer}, while {Dispatched} layers were dispatched here and {Combined} combined";
        if (_returns[member] == Returns.None)
            return $"a combine of {count} rows of layer {layer}, of which it has none";
        if (_returns[member] != Returns.Expected)
            return $"a second combine of layer {layer}";
        if (!HasDispatched(member, layer))
            return $"a combine of layer {layer} before its own dispatch";
        if (count != _expected[member])
            return $"a combine of {count} rows of layer {layer}; {_expected[member]} are expected";
        _returns[member] = Returns.Placed;
        return null;
    }

    /// <summary>The payload of a combine is complete.</summary>
    public void CompleteCombine(int member)
    {
        _returns[member] = Returns.Complete;
        MissingReturns--;
    }

    /// <summary>This rank has combined the current layer.</summary>
    public void EndCombine() => Combined++;

    public bool IsDispatchMissing(int member) => _usesFrames && member != _self && !HasDispatched(member, Dispatched - 1);

    public bool IsReturnMissing(int member) => _returns[member] is Returns.Expected or Returns.Placed;

    private static int Region(int member, int layer) => (2 * member) + (layer & 1);

    private bool HasDispatched(int member, int layer) => _layers[Region(member, layer)] == layer && _isComplete[Region(member, layer)];
}
