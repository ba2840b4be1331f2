namespace ElasticEp.Exchange;

/// <summary>One receive region: the dispatch of one source on one lane and parity. Its size depends on capacity only.</summary>
internal sealed class ReceivedDispatch(ExchangeLayout layout) : IDisposable
{
    private readonly NativeBuffer _memory = new();

    public int Rows { get; private set; }

    public ReadOnlySpan<int> Meta => Rows == 0 ? [] : _memory.Slice(0, 4L * layout.MetaInts * Rows, ElementType.Int32).AsSpan<int>();

    public EpBuffer RowBuffer => _memory.Slice(layout.RowsOffset(Rows), (long)Rows * layout.RowBytes, layout.RowType);

    /// <exception cref="OutOfMemoryException">There is not enough memory.</exception>
    public void Allocate() => _memory.Reserve(layout.RegionBytes);

    /// <summary>Where a payload of so many rows goes.</summary>
    public EpBuffer Place(int rows)
    {
        Rows = rows;
        return _memory.Slice(0, layout.DispatchBytes(rows), ElementType.Byte);
    }

    /// <summary>Checks what the source wrote: tokens ascend, every slot holds an expert, every row wants at least one.</summary>
    /// <returns>What is wrong, or null.</returns>
    public string? FindFault(ReadOnlySpan<int> slots)
    {
        var meta = Meta;
        var last = -1;
        for (var row = 0; row < Rows; row++)
        {
            var description = meta.Slice(row * layout.MetaInts, layout.MetaInts);
            if (description[0] <= last || description[0] >= layout.MaxTokens)
                return $"row {row} has token {description[0]} after token {last}, of at most {layout.MaxTokens}";
            last = description[0];
            var isWanted = false;
            for (var j = 0; j < layout.TopK; j++)
            {
                var slot = description[1 + j];
                if (slot == -1)
                    continue;
                if (slot < 0 || slot >= slots.Length || slots[slot] < 0)
                    return $"row {row} names slot {slot}; {slots.Length} slots, some empty, are here";
                if (layout.IsPreReduced && !float.IsFinite(BitConverter.Int32BitsToSingle(description[1 + layout.TopK + j])))
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
