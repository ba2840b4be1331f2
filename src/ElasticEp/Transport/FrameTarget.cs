namespace ElasticEp.Transport;

/// <summary>A receiver's answer about a frame: where its metadata and its rows go, or that nobody wants it.</summary>
public readonly struct FrameTarget
{
    private FrameTarget(EpBuffer metadata, EpBuffer rows)
    {
        Metadata = metadata;
        Rows = rows;
        IsWanted = true;
    }

    /// <summary>The frame is read and thrown away.</summary>
    public static FrameTarget Discard => default;

    /// <summary>Host memory for the metadata; exactly <see cref="FrameInfo.MetadataLength"/> bytes.</summary>
    public EpBuffer Metadata { get; }

    /// <summary>Memory for the rows, of a kind that the transport can use; exactly <see cref="FrameInfo.RowsLength"/> bytes.</summary>
    public EpBuffer Rows { get; }

    /// <summary>Whether the frame is to be delivered.</summary>
    public bool IsWanted { get; }

    /// <summary>The frame goes into this memory; either is empty when the frame has nothing for it.</summary>
    public static FrameTarget Deliver(EpBuffer metadata, EpBuffer rows) => new(metadata, rows);
}
