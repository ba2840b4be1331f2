using System.Buffers.Binary;

namespace ElasticEp.Transport;

/// <summary>
/// What the head of every frame says: 64 bytes, little-endian, version byte first. Offsets: version 0, operation 1, flags 2, layer 4, epoch 8,
/// step 16, lane 24, count 28, id 40, offset 48, checksum 56; the rest is zero. The two lengths are the transport's.
/// </summary>
internal readonly record struct FrameHeader
{
    /// <summary>The version of heads that this library writes and reads.</summary>
    public const byte CurrentVersion = 3;

    /// <summary>What the frame means.</summary>
    public FrameOperation Operation { get; init; }

    /// <summary>Bits whose meaning depends on the operation.</summary>
    public ushort Flags { get; init; }

    /// <summary>MoE layer, for dispatch and combine.</summary>
    public int Layer { get; init; }

    /// <summary>Epoch of the view under which the frame was sent.</summary>
    public long Epoch { get; init; }

    /// <summary>Step in which the frame was sent.</summary>
    public long Step { get; init; }

    /// <summary>Micro-batch, for dispatch and combine.</summary>
    public int Lane { get; init; }

    /// <summary>Number of rows, for dispatch and combine.</summary>
    public int Count { get; init; }

    /// <summary>Transfer id of a weight chunk; next epoch in a StepEnd; in a heartbeat for how many milliseconds its sender has handled nothing.</summary>
    public long Id { get; init; }

    /// <summary>First byte of a weight chunk within its transfer.</summary>
    public long Offset { get; init; }

    /// <summary>Checksum of a weight chunk; digest of the next view in a StepEnd.</summary>
    public ulong Checksum { get; init; }

    /// <summary>Bytes of metadata of a frame that came.</summary>
    public int MetadataLength { get; init; }

    /// <summary>Bytes of rows of a frame that came.</summary>
    public long RowsLength { get; init; }

    /// <summary>The header as its receiver reads it when this is sent with it.</summary>
    public FrameHeader With(ReadOnlySpan<EpBuffer> metadata, ReadOnlySpan<EpBuffer> rows) => this with { MetadataLength = (int)LengthOf(metadata), RowsLength = LengthOf(rows) };

    /// <summary>The head that a transport carries.</summary>
    public FrameHead Encode()
    {
        Span<byte> bytes = stackalloc byte[FrameHead.ByteLength];
        bytes.Clear();
        bytes[0] = CurrentVersion;
        bytes[1] = (byte)Operation;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[2..], Flags);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[4..], Layer);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[8..], Epoch);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[16..], Step);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[24..], Lane);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[28..], Count);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[40..], Id);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[48..], Offset);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[56..], Checksum);
        return new FrameHead(bytes);
    }

    /// <summary>Reads the head of a frame that came.</summary>
    /// <exception cref="ElasticEpException">
    /// <see cref="ElasticEpErrorCode.Incompatible"/> for another version, <see cref="ElasticEpErrorCode.ProtocolViolation"/> for
    /// an unknown operation or a negative field.
    /// </exception>
    public static FrameHeader Read(in FrameInfo frame)
    {
        Span<byte> bytes = stackalloc byte[FrameHead.ByteLength];
        frame.Head.CopyTo(bytes);
        if (bytes[0] != CurrentVersion)
            throw new ElasticEpException(ElasticEpErrorCode.Incompatible, $"The peer sends frames of version {bytes[0]}, this process of version {CurrentVersion}; run the same library version on all ranks.");
        var header = new FrameHeader
        {
            Operation = (FrameOperation)bytes[1],
            Flags = BinaryPrimitives.ReadUInt16LittleEndian(bytes[2..]),
            Layer = BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]),
            Epoch = BinaryPrimitives.ReadInt64LittleEndian(bytes[8..]),
            Step = BinaryPrimitives.ReadInt64LittleEndian(bytes[16..]),
            Lane = BinaryPrimitives.ReadInt32LittleEndian(bytes[24..]),
            Count = BinaryPrimitives.ReadInt32LittleEndian(bytes[28..]),
            Id = BinaryPrimitives.ReadInt64LittleEndian(bytes[40..]),
            Offset = BinaryPrimitives.ReadInt64LittleEndian(bytes[48..]),
            Checksum = BinaryPrimitives.ReadUInt64LittleEndian(bytes[56..]),
            MetadataLength = frame.MetadataLength,
            RowsLength = frame.RowsLength,
        };
        header.Validate();
        return header;
    }

    private static long LengthOf(ReadOnlySpan<EpBuffer> segments)
    {
        long length = 0;
        foreach (var segment in segments)
            length += segment.ByteLength;
        return length;
    }

    private void Validate()
    {
        var known = Operation is FrameOperation.StepEnd or FrameOperation.Wake or FrameOperation.Protocol or FrameOperation.App or FrameOperation.Beat
            or FrameOperation.Dispatch or FrameOperation.Combine or FrameOperation.Weights;
        if (!known || Layer < 0 || Epoch < 0 || Step < 0 || Lane < 0 || Count < 0 || Offset < 0)
            throw new ElasticEpException(ElasticEpErrorCode.ProtocolViolation, $"The head of a frame is malformed: {this}.");
    }
}
