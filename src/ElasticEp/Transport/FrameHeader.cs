using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ElasticEp.Transport;

/// <summary>
/// What the head of every frame says: 64 bytes, little-endian, version byte first. The fields lie in memory as they travel, and the two lengths
/// as in a <see cref="FrameInfo"/>: a head is written in one copy, and read where it lies. What has no field is zero.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 80)]
internal readonly record struct FrameHeader
{
    /// <summary>The version of heads that this library writes and reads.</summary>
    public const byte CurrentVersion = 3;

    /// <summary>A header of this library's version, in which all else is zero.</summary>
    public FrameHeader() => Version = CurrentVersion;

    /// <summary>What the frame means.</summary>
    [field: FieldOffset(1)]
    public FrameOperation Operation { get; init; }

    /// <summary>Bits whose meaning depends on the operation.</summary>
    [field: FieldOffset(2)]
    public ushort Flags { get; init; }

    /// <summary>MoE layer, for dispatch and combine.</summary>
    [field: FieldOffset(4)]
    public int Layer { get; init; }

    /// <summary>Epoch of the view under which the frame was sent.</summary>
    [field: FieldOffset(8)]
    public long Epoch { get; init; }

    /// <summary>Step in which the frame was sent.</summary>
    [field: FieldOffset(16)]
    public long Step { get; init; }

    /// <summary>Micro-batch, for dispatch and combine.</summary>
    [field: FieldOffset(24)]
    public int Lane { get; init; }

    /// <summary>Number of rows, for dispatch and combine.</summary>
    [field: FieldOffset(28)]
    public int Count { get; init; }

    /// <summary>Transfer id of a weight chunk; next epoch in a StepEnd; in a heartbeat for how many milliseconds its sender has handled nothing.</summary>
    [field: FieldOffset(40)]
    public long Id { get; init; }

    /// <summary>First byte of a weight chunk within its transfer.</summary>
    [field: FieldOffset(48)]
    public long Offset { get; init; }

    /// <summary>Checksum of a weight chunk; digest of the next view in a StepEnd.</summary>
    [field: FieldOffset(56)]
    public ulong Checksum { get; init; }

    /// <summary>Bytes of metadata of a frame that came.</summary>
    [field: FieldOffset(64)]
    public int MetadataLength { get; init; }

    /// <summary>Bytes of rows of a frame that came.</summary>
    [field: FieldOffset(72)]
    public long RowsLength { get; init; }

    [field: FieldOffset(0)]
    private byte Version { get; init; }

    /// <summary>The header as its receiver reads it when this is sent with it.</summary>
    public FrameHeader With(ReadOnlySpan<EpBuffer> metadata, ReadOnlySpan<EpBuffer> rows) => this with { MetadataLength = (int)LengthOf(metadata), RowsLength = LengthOf(rows) };

    /// <summary>The head that a transport carries.</summary>
    public FrameHead Encode()
    {
        CheckByteOrder();
        return Unsafe.As<FrameHeader, FrameHead>(ref Unsafe.AsRef(in this));
    }

    /// <summary>The head of a frame that came, where it lies.</summary>
    /// <exception cref="ElasticEpException">
    /// <see cref="ElasticEpErrorCode.Incompatible"/> for another version, <see cref="ElasticEpErrorCode.ProtocolViolation"/> for
    /// an unknown operation or a negative field.
    /// </exception>
    public static ref readonly FrameHeader Read(in FrameInfo frame)
    {
        CheckByteOrder();
        ref readonly var header = ref Unsafe.As<FrameInfo, FrameHeader>(ref Unsafe.AsRef(in frame));
        if (header.Version != CurrentVersion)
            throw new ElasticEpException(ElasticEpErrorCode.Incompatible, $"The peer sends frames of version {header.Version}, this process of version {CurrentVersion}; run the same library version on all ranks.");
        header.Validate();
        return ref header;
    }

    private static void CheckByteOrder()
    {
        if (!BitConverter.IsLittleEndian)
            throw new PlatformNotSupportedException("Heads of frames are little-endian, and this processor is not.");
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
            or FrameOperation.Dispatch or FrameOperation.Combine or FrameOperation.Notice or FrameOperation.Weights;
        if (!known || (Layer | Lane | Count) < 0 || (Epoch | Step | Offset) < 0)
            throw new ElasticEpException(ElasticEpErrorCode.ProtocolViolation, $"The head of a frame is malformed: {this}.");
    }
}
