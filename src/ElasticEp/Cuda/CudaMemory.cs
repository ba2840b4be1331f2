using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ElasticEp.Cuda;

/// <summary>
/// Memory of a device, or page-locked host memory that a device reads and writes. Whoever disposes it has waited for the work that
/// uses it. Made by <see cref="CudaDevice"/> and <see cref="CudaStream"/>.
/// </summary>
public sealed unsafe class CudaMemory : IDisposable
{
    private readonly CudaDevice _device;
    private readonly SafeHandle _handle;
    private readonly MemoryKind _kind;

    internal CudaMemory(CudaDevice device, SafeHandle handle, long byteLength, MemoryKind kind)
    {
        _device = device;
        _handle = handle;
        _kind = kind;
        ByteLength = byteLength;
    }

    /// <summary>Address of the first byte, the same for the device and, where the memory is pinned, for the host.</summary>
    /// <exception cref="ObjectDisposedException">The memory was freed.</exception>
    public long Address
    {
        get
        {
            ObjectDisposedException.ThrowIf(_handle.IsClosed, this);
            return _handle.DangerousGetHandle();
        }
    }

    /// <summary>Bytes that were asked for.</summary>
    public long ByteLength { get; }

    /// <summary>The memory as elements of a type.</summary>
    /// <exception cref="ArgumentException">The length is not a whole number of elements.</exception>
    public EpBuffer AsBuffer(ElementType type) =>
        EpBuffer.FromPointer((nint)Address, ByteLength, type, _kind, _kind == MemoryKind.Device ? _device.Ordinal : -1);

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    /// <summary>
    /// A file descriptor of the memory, close-on-exec, to be sent to a process of this host. Whoever holds one, or a mapping, keeps the
    /// memory: close it once it is sent.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The memory was freed.</exception>
    internal SafeFileHandle Export()
    {
        if (_handle is not CudaVirtualHandle range)
            throw new InvalidOperationException("Only memory that was allocated as exportable has a file descriptor.");
        using var scope = _device.Enter();
        var added = false;
        try
        {
            range.DangerousAddRef(ref added); // freed meanwhile, its number could be another one's
            int descriptor;
            CudaErrors.Check(CudaApi.cuMemExportToShareableHandle(&descriptor, range.Physical, CudaAllocation.DescriptorHandle, 0), $"Exporting {CudaErrors.Size(ByteLength)} of {_device}");
            return DescriptorSocket.Own(descriptor);
        }
        finally
        {
            if (added)
                range.DangerousRelease();
        }
    }

    /// <summary>Lets another device of this process read and write the memory.</summary>
    internal void Grant(CudaDevice peer)
    {
        if (_handle is not CudaVirtualHandle range)
            throw new InvalidOperationException("Only memory allocated by the device itself can be opened for a peer.");
        using var scope = _device.Enter();
        var access = CudaAccess.ReadWrite(peer.Ordinal);
        CudaErrors.Check(CudaApi.cuMemSetAccess((ulong)Address, (nuint)range.ByteLength, &access, 1), $"Opening memory of {_device} for {peer}");
    }
}
