using System.Buffers;

namespace ElasticEp.Tests.Rdma;

/// <summary>Memory that can be looked at and not pinned, or whose pin cannot be undone.</summary>
internal sealed class UnpinnableMemory(int length, bool failsAtUnpin = false) : MemoryManager<byte>
{
    private readonly byte[] _bytes = GC.AllocateArray<byte>(length, pinned: true);

    /// <summary>Whether it cannot be looked at either.</summary>
    public bool FailsAtRead { get; set; }

    public override Span<byte> GetSpan() => FailsAtRead ? throw new InvalidOperationException("This memory cannot be read.") : _bytes;

    public override unsafe MemoryHandle Pin(int elementIndex = 0) =>
        failsAtUnpin ? new MemoryHandle(System.Runtime.InteropServices.Marshal.UnsafeAddrOfPinnedArrayElement(_bytes, elementIndex).ToPointer(), pinnable: this) : throw new InvalidOperationException("This memory cannot be pinned.");

    public override void Unpin() => throw new InvalidOperationException("This memory cannot be unpinned.");

    protected override void Dispose(bool disposing)
    {
    }
}
