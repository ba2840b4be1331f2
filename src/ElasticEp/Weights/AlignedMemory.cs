using System.Runtime.InteropServices;

namespace ElasticEp.Weights;

/// <summary>A piece of native memory that begins at a multiple of <see cref="WeightManifest.Alignment"/>.</summary>
internal sealed unsafe class AlignedMemory : SafeHandle
{
    public AlignedMemory(long byteLength)
        : base(0, ownsHandle: true)
    {
        ByteLength = byteLength;
        handle = (nint)NativeMemory.AlignedAlloc(checked((nuint)byteLength), WeightManifest.Alignment);
    }

    public long ByteLength { get; }

    public override bool IsInvalid => handle == 0;

    /// <summary>A range of it, which must not be used after disposal.</summary>
    public EpBuffer Slice(long offset, long length) => EpBuffer.FromPointer(handle, ByteLength, ElementType.Byte).SliceBytes(offset, length);

    /// <summary>Never frees it: somebody may still write, and a leak is better than memory that is not ours.</summary>
    public void Abandon() => SetHandleAsInvalid();

    protected override bool ReleaseHandle()
    {
        NativeMemory.AlignedFree((void*)handle);
        return true;
    }
}
