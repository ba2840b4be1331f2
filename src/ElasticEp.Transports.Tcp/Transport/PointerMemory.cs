using System.Buffers;

namespace ElasticEp.Transports.Tcp.Transport;

/// <summary>Shows native memory as <see cref="Memory{T}"/> to calls that know nothing else. Owns nothing; reused.</summary>
internal sealed unsafe class PointerMemory : MemoryManager<byte>
{
    private byte* _start;
    private int _length;

    /// <summary>The buffer's bytes, at most 1 GiB of them; valid until the next call.</summary>
    public Memory<byte> Show(EpBuffer buffer)
    {
        if (buffer.Pointer == 0)
            return buffer.Managed;
        _start = (byte*)buffer.Pointer;
        _length = (int)Math.Min(buffer.ByteLength, 1 << 30);
        return CreateMemory(_length);
    }

    public override Span<byte> GetSpan() => new(_start, _length);

    public override MemoryHandle Pin(int elementIndex = 0) => new(_start + elementIndex);

    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing)
    {
    }
}
