namespace ElasticEp.Exchange;

/// <summary>One receive region: the dispatch of one source on one lane and parity.</summary>
internal sealed class ReceivedDispatch(ExchangeLayout layout) : IDisposable
{
    private readonly NativeBuffer _memory = new();

    /// <summary>Layer of the frame that is in it, or −1.</summary>
    public int Layer { get; private set; } = -1;

    /// <summary>Whether the payload lies complete in it.</summary>
    public bool IsComplete { get; private set; }

    public int Rows { get; private set; }

    public EpBuffer Begin(int layer, int rows)
    {
        _memory.Reserve(layout.RegionBytes);
        (Layer, Rows, IsComplete) = (layer, rows, false);
        return _memory.Slice(0, layout.DispatchBytes(rows), ElementType.Byte);
    }

    public void MarkComplete() => IsComplete = true;

    public void Clear() => (Layer, Rows, IsComplete) = (-1, 0, false);

    public ReadOnlySpan<int> Meta => Rows == 0 ? [] : _memory.Slice(0, 4L * layout.MetaInts * Rows, ElementType.Int32).AsSpan<int>();

    public EpBuffer RowBuffer => _memory.Slice(layout.RowsOffset(Rows), (long)Rows * layout.RowBytes, layout.RowType);

    /// <summary>Checks what the source wrote: tokens ascend, every slot holds an expert, every row wants at least one.</summary>
    /// <exception cref="ElasticEpException">It does not fit.</exception>
    public void Check(int source, ReadOnlySpan<int> slots)
    {
        var meta = Meta;
        var last = -1;
        for (var row = 0; row < Rows; row++)
        {
            var description = meta.Slice(row * layout.MetaInts, 1 + layout.TopK);
            if (description[0] <= last || description[0] >= layout.MaxTokens)
                throw ExchangeErrors.Violation(source, $"row {row} has token {description[0]} after token {last}, of at most {layout.MaxTokens}");
            last = description[0];
            var isWanted = false;
            foreach (var slot in description[1..])
            {
                if (slot < -1 || slot >= slots.Length || (slot >= 0 && slots[slot] < 0))
                    throw ExchangeErrors.Violation(source, $"row {row} names slot {slot}; {slots.Length} slots, some empty, are here");
                isWanted |= slot >= 0;
            }

            if (!isWanted)
                throw ExchangeErrors.Violation(source, $"row {row} names no slot");
        }
    }

    public void Dispose() => _memory.Dispose();
}
