namespace ElasticEp.Exchange.Cpu;

/// <summary>One receive region: the dispatch of one source on one lane and parity. Its size depends on capacity only.</summary>
internal sealed class ReceivedDispatch(ExchangeLayout layout) : IDisposable
{
    private readonly NativeBuffer _metadata = new();
    private readonly NativeBuffer _rows = new();
    private IDisposable? _registration;

    public int Rows { get; private set; }

    public ReadOnlySpan<int> Meta => Rows == 0 ? [] : Metadata.AsSpan<int>();

    public EpBuffer Metadata => _metadata.Slice(0, layout.MetaBytes(Rows), ElementType.Int32);

    public EpBuffer RowBuffer => _rows.Slice(0, (long)Rows * layout.RowBytes, layout.RowType);

    /// <exception cref="OutOfMemoryException">There is not enough memory.</exception>
    public void Allocate(Func<EpBuffer, IDisposable> register)
    {
        _metadata.Reserve(layout.MetaBytes(layout.MaxTokens));
        _rows.Reserve((long)layout.MaxTokens * layout.RowBytes);
        _registration = register(_rows.Slice(0, _rows.ByteLength, layout.RowType));
    }

    /// <summary>So many rows come; where they and their description go is in the two buffers.</summary>
    public void Place(int rows) => Rows = rows;

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

    public void Dispose()
    {
        _registration?.Dispose();
        _metadata.Dispose();
        _rows.Dispose();
    }
}
