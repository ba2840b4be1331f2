namespace ElasticEp.Transport;

/// <summary>A frame at its sender: what a call of <see cref="ITransport.SendAsync"/> names, checked.</summary>
internal readonly struct OutgoingFrame
{
    /// <exception cref="ArgumentException">The metadata is too long, or memory is of a kind that the transport cannot use.</exception>
    public OutgoingFrame(ITransport transport, FrameHead head, ReadOnlyMemory<EpBuffer> metadata, ReadOnlyMemory<EpBuffer> rows)
    {
        long described = 0;
        foreach (var segment in metadata.Span)
        {
            if (segment.Kind == MemoryKind.Device)
                throw new ArgumentException("A segment of the metadata lies in device memory; metadata is always in host memory.", nameof(metadata));
            described += segment.ByteLength;
        }

        if (described > int.MaxValue)
            throw new ArgumentException($"The metadata has {described} bytes; at most {int.MaxValue}.", nameof(metadata));
        long length = 0;
        foreach (var segment in rows.Span)
        {
            if (!segment.IsEmpty && !transport.CanUse(segment.Kind))
                throw new ArgumentException($"A segment of the rows lies in {segment.Kind} memory, which this transport cannot send from; copy it to host memory first.", nameof(rows));
            length += segment.ByteLength;
        }

        (Info, Metadata, Rows) = (new FrameInfo(head, (int)described, length), metadata, rows);
    }

    public FrameInfo Info { get; }

    public ReadOnlyMemory<EpBuffer> Metadata { get; }

    public ReadOnlyMemory<EpBuffer> Rows { get; }
}
