using System.Runtime.InteropServices;

namespace ElasticEp.Weights;

/// <summary>
/// A piece of native memory that begins at a multiple of <see cref="WeightManifest.Alignment"/>. It has no finalizer: who reads or writes the
/// memory, a delegate or hook that does not end too, has its address and not this object, so nobody referring to this object proves nothing.
/// What is never disposed of leaks, which is better than memory that is not ours.
/// </summary>
internal sealed unsafe class AlignedMemory : IDisposable
{
    private void* _memory;

    public AlignedMemory(long byteLength)
    {
        _memory = NativeMemory.AlignedAlloc(checked((nuint)byteLength), WeightManifest.Alignment);
        ByteLength = byteLength;
    }

    public long ByteLength { get; }

    /// <summary>A range of it, which must not be used after disposal.</summary>
    public EpBuffer Slice(long offset, long length) => EpBuffer.FromPointer((nint)_memory, ByteLength, ElementType.Byte).SliceBytes(offset, length);

    public void Dispose()
    {
        NativeMemory.AlignedFree(_memory);
        _memory = null;
    }
}
