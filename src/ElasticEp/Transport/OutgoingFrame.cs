namespace ElasticEp.Transport;

/// <summary>A frame at its sender: what a call of <see cref="ITransport.SendAsync"/> names, checked.</summary>
internal readonly struct OutgoingFrame
{
    /// <exception cref="ArgumentException">The metadata is too long, or memory is of a kind that the transport cannot use.</exception>
    public OutgoingFrame(ITransport transport, FrameHead head, EpBuffer metadata, ReadOnlyMemory<EpBuffer> rows)
    {
        if (metadata.ByteLength > int.MaxValue || metadata.Kind == MemoryKind.Device)
            throw new ArgumentException($"Metadata of {metadata.ByteLength} bytes lies in {metadata.Kind} memory; at most {int.MaxValue} bytes of host memory.", nameof(metadata));
        long length = 0;
        foreach (var segment in rows.Span)
        {
            if (!segment.IsEmpty && !transport.CanUse(segment.Kind))
                throw new ArgumentException($"A segment of the rows lies in {segment.Kind} memory, which this transport cannot send from; copy it to host memory first.", nameof(rows));
            length += segment.ByteLength;
        }

        (Info, Metadata, Rows) = (new FrameInfo(head, (int)metadata.ByteLength, length), metadata, rows);
    }

    public FrameInfo Info { get; }

    public EpBuffer Metadata { get; }

    public ReadOnlyMemory<EpBuffer> Rows { get; }
}
