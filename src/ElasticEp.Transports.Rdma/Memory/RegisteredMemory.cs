using System.Buffers;
using ElasticEp.Transports.Rdma.Native;

namespace ElasticEp.Transports.Rdma.Memory;

/// <summary>One registration of a piece of host memory, until it is disposed of.</summary>
internal sealed unsafe class RegisteredMemory : IDisposable
{
    private readonly MemoryTable _table;
    private readonly UcxMemoryHandle _handle;
    private MemoryHandle _pin;
    private int _isDisposed;

    /// <exception cref="InsufficientMemoryException">The devices do not take so much.</exception>
    public RegisteredMemory(MemoryTable table, UcxContextHandle context, EpBuffer memory)
    {
        _table = table;
        _pin = memory.Pointer == 0 ? memory.Managed.Pin() : default;
        Address = memory.Pointer == 0 ? (nint)_pin.Pointer : memory.Pointer;
        Length = memory.ByteLength;
        try
        {
            _handle = UcxMemoryHandle.Register(context, Address, Length);
        }
        catch
        {
            _pin.Dispose();
            throw;
        }
    }

    public nint Address { get; }

    public long Length { get; }

    /// <summary>What UCX knows it by.</summary>
    public nint Handle => _handle.DangerousGetHandle();

    public bool Contains(nint address, long length) => address >= Address && length <= Length - (address - Address);

    /// <summary>UCX is going to use it: it stays registered until <see cref="Release"/>, whoever disposes of it meanwhile.</summary>
    public bool TryKeep()
    {
        var isKept = false;
        try
        {
            _handle.DangerousAddRef(ref isKept);
        }
        catch (ObjectDisposedException)
        {
            // it has ended since it was found
        }

        return isKept;
    }

    public void Release() => _handle.DangerousRelease();

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
            return;
        _table.Remove(this);
        _handle.Dispose();
        _pin.Dispose();
    }
}
