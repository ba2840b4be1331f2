namespace ElasticEp.Exchange;

/// <summary>What the app hands in is looked at before anything changes or is sent.</summary>
internal sealed partial class RankExchange
{
    private int CheckDispatch(ExchangeStep step, int layer, EpBuffer hidden, EpBuffer topkIds, EpBuffer topkWeights, int lane)
    {
        CheckOpen(step); // and again when the call enters, under the lock
        if (layer < 0 || layer >= _layout.MoeLayers)
            throw ExchangeErrors.Argument($"Layer {layer} is outside 0 to {_layout.MoeLayers - 1}.");
        if (lane < 0 || lane >= _lanes.Length)
            throw ExchangeErrors.Argument($"Lane {lane} is outside 0 to {_lanes.Length - 1}; see ElasticEpOptions.Lanes.");
        var tokens = hidden.ByteLength / _layout.RowBytes;
        if (hidden.ByteLength % _layout.RowBytes != 0 || !IsRows(hidden))
            throw ExchangeErrors.Argument(RowsExpected("hidden", hidden, tokens));
        if (tokens > _layout.MaxTokens)
            throw ExchangeErrors.Argument($"{tokens} tokens are more than MaxTokensPerRank = {_layout.MaxTokens}; split the batch over steps.");
        CheckList("topkIds", topkIds, ElementType.Int32, tokens);
        CheckList("topkWeights", topkWeights, ElementType.Float32, tokens);
        return (int)tokens;
    }

    private ExchangeLane CheckCombine(ExchangeStep step, DispatchedRows dispatched, EpBuffer expertOutput, EpBuffer output)
    {
        var lane = LaneOf(dispatched);
        CheckOpen(step); // and again when the call enters, under the lock
        if (lane is null)
            throw ExchangeErrors.Argument("Combine takes the rows that a dispatch of this step returned.");
        if (lane.Phase != LanePhase.Out)
            throw ExchangeErrors.State($"These rows of lane {lane.Number} were combined already, or belong to another step.");
        if (expertOutput.ByteLength != (long)dispatched.Count * _layout.RowBytes || !IsRows(expertOutput))
            throw ExchangeErrors.Argument(RowsExpected("expertOutput", expertOutput, dispatched.Count));
        if (output.ByteLength != (long)lane.Engine.Tokens * _layout.RowBytes || !IsRows(output))
            throw ExchangeErrors.Argument(RowsExpected("output", output, lane.Engine.Tokens));
        return lane;
    }

    private ExchangeLane? LaneOf(DispatchedRows rows)
    {
        foreach (var lane in _lanes)
        {
            if (ReferenceEquals(lane.Engine.Rows, rows))
                return lane;
        }

        return null;
    }

    private void CheckList(string name, EpBuffer buffer, ElementType type, long tokens)
    {
        if (buffer.Length != tokens * _layout.TopK || (tokens > 0 && (buffer.ElementType != type || !IsHere(buffer))))
            throw ExchangeErrors.Argument($"{name} has {buffer.Length} elements of {buffer.ElementType} in {buffer.Kind} memory; expected {tokens} × {_layout.TopK} of {type} in {_engine.Memory} memory.");
    }

    private bool IsRows(EpBuffer buffer) => buffer.IsEmpty || (buffer.ElementType == _layout.RowType && IsHere(buffer));

    private bool IsHere(EpBuffer buffer) => (buffer.Kind == MemoryKind.Device) == (_engine.Memory == MemoryKind.Device);

    private string RowsExpected(string name, EpBuffer buffer, long rows) =>
        $"{name} has {buffer.ByteLength} bytes of {buffer.ElementType} in {buffer.Kind} memory; expected {rows} rows of {_layout.Hidden} × {_layout.RowType} in {_engine.Memory} memory.";
}
