namespace ElasticEp.Exchange;

/// <summary>One receive region: the dispatch of one source on one lane and parity. Its size depends on capacity only.</summary>
internal sealed class ReceivedDispatch : IDisposable
{
    private readonly ExchangeLayout _layout;
    private readonly NativeBuffer _memory = new();

    public ReceivedDispatch(ExchangeLayout layout)
    {
        _layout = layout;
        _memory.Reserve(layout.RegionBytes);
    }

    public int Rows { get; private set; }

    public ReadOnlySpan<int> Meta => Rows == 0 ? [] : _memory.Slice(0, 4L * _layout.MetaInts * Rows, ElementType.Int32).AsSpan<int>();

    public EpBuffer RowBuffer => _memory.Slice(_layout.RowsOffset(Rows), (long)Rows * _layout.RowBytes, _layout.RowType);

    /// <summary>Where a payload of so many rows goes.</summary>
    public EpBuffer Place(int rows)
    {
        Rows = rows;
        return _memory.Slice(0, _layout.DispatchBytes(rows), ElementType.Byte);
    }

    /// <summary>Checks what the source wrote: tokens ascend, every slot holds an expert, every row wants at least one.</summary>
    /// <returns>What is wrong, or null.</returns>
    public string? FindFault(ReadOnlySpan<int> slots)
    {
        var meta = Meta;
        var last = -1;
        for (var row = 0; row < Rows; row++)
        {
            var description = meta.Slice(row * _layout.MetaInts, _layout.MetaInts);
            if (description[0] <= last || description[0] >= _layout.MaxTokens)
                return $"row {row} has token {description[0]} after token {last}, of at most {_layout.MaxTokens}";
            last = description[0];
            var isWanted = false;
            for (var j = 0; j < _layout.TopK; j++)
            {
                var slot = description[1 + j];
                if (slot == -1)
                    continue;
                if (slot < 0 || slot >= slots.Length || slots[slot] < 0)
                    return $"row {row} names slot {slot}; {slots.Length} slots, some empty, are here";
                if (_layout.IsPreReduced && !float.IsFinite(BitConverter.Int32BitsToSingle(description[1 + _layout.TopK + j])))
                    return $"row {row} has a weight that is not finite at position {j}";
                isWanted = true;
            }

            if (!isWanted)
                return $"row {row} names no slot";
        }

        return null;
    }

    public void Dispose() => _memory.Dispose();
}
