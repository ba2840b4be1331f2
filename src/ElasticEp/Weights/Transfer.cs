namespace ElasticEp.Weights;

/// <summary>A range of an item that one source is to send, under one id.</summary>
/// <param name="item">Progress of the item.</param>
/// <param name="start">First byte within the item.</param>
/// <param name="end">Byte after the last.</param>
internal sealed class Transfer(ItemProgress item, long start, long end)
{
    public ItemProgress Item { get; } = item;

    public long Start { get; } = start;

    public long End { get; } = end;

    public long Length => End - Start;

    public long Id { get; set; } = -1;

    public MemberId Source { get; set; }

    /// <summary>Bytes that have arrived and were verified; the next chunk must begin there.</summary>
    public long Arrived { get; set; }

    /// <summary>Length of the payload that is being written; zero when there is none.</summary>
    public long Writing { get; set; }

    /// <summary>The source was lost; the rest is requested from another one when the payload in progress has ended.</summary>
    public bool IsLost { get; set; }

    public Transfer Rest() => new(Item, Start + Arrived, End);
}
