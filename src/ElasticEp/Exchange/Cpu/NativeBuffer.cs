using System.Runtime.InteropServices;

namespace ElasticEp.Exchange.Cpu;

/// <summary>Native memory aligned to 64 bytes that only grows. Not zeroed, never shrunk, freed on dispose.</summary>
internal sealed unsafe class NativeBuffer : IDisposable
{
    private const int Alignment = 64;

    private void* _memory;

    public long ByteLength { get; private set; }

    /// <summary>Makes room; what was in it is lost when it has to grow.</summary>
    public void Reserve(long byteLength)
    {
        if (byteLength <= ByteLength)
            return;
        NativeMemory.AlignedFree(_memory);
        _memory = null;
        ByteLength = 0;
        _memory = NativeMemory.AlignedAlloc(checked((nuint)byteLength), Alignment);
        ByteLength = byteLength;
    }

    public EpBuffer Slice(long byteOffset, long byteLength, ElementType type)
    {
        if (byteOffset < 0 || byteLength < 0 || byteOffset > ByteLength - byteLength)
            throw new ArgumentOutOfRangeException(nameof(byteOffset));
        return byteLength == 0 ? default : EpBuffer.FromPointer((nint)_memory + (nint)byteOffset, byteLength, type);
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(_memory);
        _memory = null;
        ByteLength = 0;
    }
}
