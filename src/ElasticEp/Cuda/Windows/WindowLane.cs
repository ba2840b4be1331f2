using ElasticEp.Cuda.Kernels;

namespace ElasticEp.Cuda.Windows;

/// <summary>
/// One lane's layers, enqueued kernel by kernel with no work of the host between them, so that a whole step can be captured in a graph. No
/// argument depends on a view: slots are counted up to <see cref="WindowShape.SlotsPerRank"/>, and those that a view does not use stay empty. Per
/// layer: <see cref="Dispatch"/>, <see cref="Receive"/>, the app's experts, <see cref="Return"/>, <see cref="Combine"/>.
/// Own rows take the same way as all others.
/// <para>
/// Two dispatch regions, by the parity of the layer's place in the step, and one region for rows that come back are enough: whoever has a
/// member's dispatch knows that this member has summed the layer before.
/// </para>
/// </summary>
internal sealed class WindowLane(ExchangeKernels kernels, WindowLayout layout, WindowBuffers buffers, int lane, long firstWindow)
{
    private int _dispatches;

    private WindowShape Shape => layout.Shape;

    private int Parity => (_dispatches - 1) & 1;

    /// <summary>Before the first layer of a step.</summary>
    public void Begin() => _dispatches = 0;

    /// <summary>Routes tokens and writes their rows into the windows at their members.</summary>
    /// <param name="layer">MoE layer.</param>
    /// <param name="most">Tokens that the grid is sized for; how many there are is read from the attempt's words.</param>
    /// <param name="hidden">Address of rows <c>[tokens, hidden]</c>.</param>
    /// <param name="ids">Address of expert ids <c>[tokens, k]</c>.</param>
    /// <param name="weights">Address of weights <c>[tokens, k]</c>.</param>
    public void Dispatch(int layer, int most, long hidden, long ids, long weights)
    {
        _dispatches++;
        var table = buffers.Replicas + ((long)layer * buffers.LayerTableBytes);
        var batch = new DispatchBatch(hidden, ids, weights, table, buffers.CombineRows, buffers.Index(lane), layout.MetaOffset(lane, Parity), layout.RowsOffset(lane, Parity));
        var signal = new FlagSignal(buffers.Control, buffers.Outgoing, WindowLayout.FlagOffset(lane, Signals.Dispatch, Parity), lane, layer);
        if (Shape.UsesFloat8)
            kernels.DispatchFloat8(Shape.RowType, batch, most, Shape.Experts, Shape.TopK, Shape.IsPreReduced, Shape.Hidden, Shape.UsesPowersOfTwo, signal);
        else
            kernels.Dispatch(batch, most, Shape.Experts, Shape.TopK, Shape.IsPreReduced, layout.RowBytes, signal);
    }

    /// <summary>Waits for what members send, and copies it slot after slot; see <see cref="WindowBuffers.Offsets"/>.</summary>
    /// <param name="layer">MoE layer.</param>
    /// <param name="most">Received rows that the grids are sized for.</param>
    /// <param name="rows">Receives the rows; room for all that can come.</param>
    public void Receive(int layer, int most, long rows)
    {
        if (kernels.CanReceive(Shape.RowType, Shape.UsesFloat8, Shape.MaxRanks, Shape.SlotsPerRank, most * Shape.TopK))
        {
            var flag = WindowLayout.FlagOffset(lane, Signals.Dispatch, Parity);
            kernels.Receive(Tables(), buffers.HomeOf(lane), rows, most, Shape.SlotsPerRank, Shape.TopK, Shape.IsPreReduced, Shape.UsesFloat8, Shape.Hidden, layout.RowBytes, Shape.MaxTokens, layer, flag);
            return;
        }

        Place(layer);
        Group(most, rows);
    }

    /// <summary>Waits for what members send, and finds where each row goes: the first half of <see cref="Receive"/> where there are many rows.</summary>
    /// <param name="layer">MoE layer.</param>
    public void Place(int layer)
    {
        kernels.Place(Tables(), Shape.SlotsPerRank, Shape.TopK, Shape.IsPreReduced, layout.SentBytes, layout.RowBytes, Shape.MaxTokens, layer, WindowLayout.FlagOffset(lane, Signals.Dispatch, Parity));
    }

    /// <summary>Copies the rows: the second half.</summary>
    /// <param name="most">Received rows that the grid is sized for.</param>
    /// <param name="rows">Receives the rows.</param>
    public void Group(int most, long rows)
    {
        var places = new RowPlaces(buffers.Places(lane), Shape.TopK, rows);
        var count = new RowCount(most, buffers.Received(lane), buffers.Control);
        var homes = Shape.IsPreReduced ? default : new RowHomes(buffers.Homes(lane), buffers.HomeOf(lane), layout.RowBytes);
        if (Shape.UsesFloat8)
            kernels.ExpandFloat8(Shape.RowType, 0, places, count, Shape.Hidden, buffers.Lists(lane), homes);
        else
            kernels.Spread(0, places, count, layout.RowBytes, buffers.Lists(lane), homes);
    }

    /// <summary>Sends the outputs of the experts back: each row on its own, or one sum for each row that was received.</summary>
    /// <param name="layer">MoE layer.</param>
    /// <param name="most">Received rows that the grid is sized for.</param>
    /// <param name="outputs">Address of the outputs, in the order of the grouped rows.</param>
    public void Return(int layer, int most, long outputs)
    {
        var signal = new FlagSignal(buffers.Control, buffers.Outgoing, WindowLayout.FlagOffset(lane, Signals.Return, Parity), lane, layer);
        if (Shape.IsPreReduced)
            kernels.SumAndReturn(Shape.RowType, outputs, buffers.Places(lane), buffers.WeightsOf(lane), buffers.Homes(lane), new RowCount(most, buffers.Received(lane), buffers.Control), Shape.TopK, layout.RowBytes, signal);
        else
            kernels.Return(outputs, buffers.HomeOf(lane), new RowCount(most * Shape.TopK, buffers.Offsets(lane) + (Shape.SlotsPerRank * 4L), buffers.Control), layout.RowBytes, signal);
    }

    /// <summary>Waits for the rows that come back, and sums them.</summary>
    /// <param name="layer">MoE layer.</param>
    /// <param name="most">Tokens that the grid is sized for.</param>
    /// <param name="weights">Address of weights <c>[tokens, k]</c>.</param>
    /// <param name="output">Receives <c>[tokens, hidden]</c>.</param>
    public void Combine(int layer, int most, long weights, long output)
    {
        var count = new RowCount(most, buffers.Control + ExchangeControl.Tokens + (lane * 4L), buffers.Control);
        var signal = new FlagSignal(buffers.Control, buffers.Incoming, WindowLayout.FlagOffset(lane, Signals.Return, Parity), lane, layer);
        var factors = Shape.IsPreReduced ? buffers.Ones : weights;
        kernels.SumReturned(Shape.RowType, firstWindow + layout.CombineOffset(lane), buffers.Index(lane), factors, Shape.IsPreReduced ? 0 : Shape.TopK, output, count, Shape.TopK, layout.RowBytes, signal);
    }

    private PlaceTables Tables() => new(
        buffers.Control,
        buffers.Incoming,
        buffers.Outgoing,
        layout.MetaOffset(lane, Parity),
        layout.RowsOffset(lane, Parity),
        layout.CombineOffset(lane),
        buffers.Lists(lane),
        buffers.Capacity,
        buffers.Places(lane),
        buffers.Offsets(lane),
        buffers.Received(lane));
}
