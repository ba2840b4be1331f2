using System.Runtime.InteropServices;

namespace ElasticEp.Transport;

/// <summary>A frame as its receiver first sees it.</summary>
[StructLayout(LayoutKind.Sequential)]
public readonly struct FrameInfo
{
    /// <summary>Describes a frame.</summary>
    public FrameInfo(FrameHead head, int metadataLength, long rowsLength)
    {
        Head = head;
        MetadataLength = metadataLength;
        RowsLength = rowsLength;
    }

    /// <summary>What its sender says about it.</summary>
    public FrameHead Head { get; }

    /// <summary>Bytes of metadata, which always go into host memory.</summary>
    public int MetadataLength { get; }

    /// <summary>Bytes of rows, which follow the metadata and go into whatever memory the receiver names.</summary>
    public long RowsLength { get; }

    /// <summary>Bytes of both.</summary>
    internal long PayloadLength => MetadataLength + RowsLength;

    /// <summary>What is wrong with the memory that a receiver has named, or null.</summary>
    internal string? FindFault(ITransport transport, in FrameTarget target)
    {
        if (target.Metadata.ByteLength != MetadataLength || target.Metadata.Kind == MemoryKind.Device)
            return $"named {target.Metadata.ByteLength} bytes of {target.Metadata.Kind} memory for {MetadataLength} bytes of metadata";
        return target.Rows.ByteLength == RowsLength && (RowsLength == 0 || transport.CanUse(target.Rows.Kind))
            ? null
            : $"named {target.Rows.ByteLength} bytes of {target.Rows.Kind} memory for {RowsLength} bytes of rows";
    }
}
