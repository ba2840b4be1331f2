using System.Buffers.Binary;

namespace ElasticEp.Transport;

/// <summary>
/// The fixed header of every frame: 64 bytes, little-endian, version byte first.
/// Offsets: version 0, operation 1, flags 2, layer 4, epoch 8, step 16, lane 24, count 28, payload length 32, id 40,
/// offset 48, checksum 56.
/// </summary>
public readonly record struct FrameHeader
{
    /// <summary>Bytes of an encoded header.</summary>
    public const int Size = 64;

    /// <summary>The protocol version that this library speaks.</summary>
    public const byte CurrentVersion = 2;

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

    /// <summary>Rows in the payload, for dispatch and combine.</summary>
    public int Count { get; init; }

    /// <summary>Bytes of payload that follow the header.</summary>
    public long PayloadLength { get; init; }

    /// <summary>Transfer id of a weight chunk; next epoch in a StepEnd; in a heartbeat for how many milliseconds its sender has handled nothing.</summary>
    public long Id { get; init; }

    /// <summary>First byte of a weight chunk within its transfer.</summary>
    public long Offset { get; init; }

    /// <summary>Checksum of a weight chunk; digest of the next view in a StepEnd.</summary>
    public ulong Checksum { get; init; }

    /// <summary>Writes the header.</summary>
    /// <param name="destination">At least <see cref="Size"/> bytes.</param>
    public void Write(Span<byte> destination)
    {
        destination[0] = CurrentVersion;
        destination[1] = (byte)Operation;
        BinaryPrimitives.WriteUInt16LittleEndian(destination[2..], Flags);
        BinaryPrimitives.WriteInt32LittleEndian(destination[4..], Layer);
        BinaryPrimitives.WriteInt64LittleEndian(destination[8..], Epoch);
        BinaryPrimitives.WriteInt64LittleEndian(destination[16..], Step);
        BinaryPrimitives.WriteInt32LittleEndian(destination[24..], Lane);
        BinaryPrimitives.WriteInt32LittleEndian(destination[28..], Count);
        BinaryPrimitives.WriteInt64LittleEndian(destination[32..], PayloadLength);
        BinaryPrimitives.WriteInt64LittleEndian(destination[40..], Id);
        BinaryPrimitives.WriteInt64LittleEndian(destination[48..], Offset);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[56..], Checksum);
    }

    /// <summary>Reads a header.</summary>
    /// <param name="source">At least <see cref="Size"/> bytes.</param>
    /// <exception cref="ElasticEpException">
    /// <see cref="ElasticEpErrorCode.Incompatible"/> for another version, <see cref="ElasticEpErrorCode.ProtocolViolation"/> for
    /// an unknown operation or a negative field.
    /// </exception>
    public static FrameHeader Read(ReadOnlySpan<byte> source)
    {
        if (source[0] != CurrentVersion)
            throw new ElasticEpException(ElasticEpErrorCode.Incompatible, $"The peer speaks protocol version {source[0]}, this process version {CurrentVersion}; run the same library version on all ranks.");
        var header = new FrameHeader
        {
            Operation = (FrameOperation)source[1],
            Flags = BinaryPrimitives.ReadUInt16LittleEndian(source[2..]),
            Layer = BinaryPrimitives.ReadInt32LittleEndian(source[4..]),
            Epoch = BinaryPrimitives.ReadInt64LittleEndian(source[8..]),
            Step = BinaryPrimitives.ReadInt64LittleEndian(source[16..]),
            Lane = BinaryPrimitives.ReadInt32LittleEndian(source[24..]),
            Count = BinaryPrimitives.ReadInt32LittleEndian(source[28..]),
            PayloadLength = BinaryPrimitives.ReadInt64LittleEndian(source[32..]),
            Id = BinaryPrimitives.ReadInt64LittleEndian(source[40..]),
            Offset = BinaryPrimitives.ReadInt64LittleEndian(source[48..]),
            Checksum = BinaryPrimitives.ReadUInt64LittleEndian(source[56..]),
        };
        header.Validate();
        return header;
    }

    private void Validate()
    {
        var known = Operation is FrameOperation.StepEnd or FrameOperation.Wake or FrameOperation.Protocol or FrameOperation.App or FrameOperation.Beat
            or FrameOperation.Dispatch or FrameOperation.Combine or FrameOperation.Weights;
        if (!known || Layer < 0 || Epoch < 0 || Step < 0 || Lane < 0 || Count < 0 || PayloadLength < 0 || Offset < 0)
            throw new ElasticEpException(ElasticEpErrorCode.ProtocolViolation, $"A frame header is malformed: {this}.");
    }
}
