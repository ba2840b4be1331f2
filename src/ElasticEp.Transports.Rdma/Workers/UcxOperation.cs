using System.Buffers;
using System.Runtime.InteropServices;
using ElasticEp.Transports.Rdma.Native;

namespace ElasticEp.Transports.Rdma.Workers;

/// <summary>
/// One send or receive that UCX is at work on, with what has to stay where it is until then: the header of a message, and the pin of managed
/// memory. Pooled by its worker.
/// </summary>
internal sealed unsafe class UcxOperation : IDisposable
{
    /// <summary>Most bytes of a header.</summary>
    public const int HeaderSize = 128;

    private readonly UcxWorker _worker;
    private readonly byte* _header = (byte*)NativeMemory.AlignedAlloc(HeaderSize, 64);
    private GCHandle _self;
    private MemoryHandle _pin;
    private IOperationOwner? _owner;

    public UcxOperation(UcxWorker worker)
    {
        _worker = worker;
        _self = GCHandle.Alloc(this);
    }

    /// <summary>What callbacks of UCX find it by.</summary>
    public nint Reference => GCHandle.ToIntPtr(_self);

    public byte* HeaderStart => _header;

    public Span<byte> Header => new(_header, HeaderSize);

    /// <summary>Bytes that are sent or received.</summary>
    public long Length { get; private set; }

    public static UcxOperation From(nint reference) => (UcxOperation)GCHandle.FromIntPtr(reference).Target!;

    public void Begin(IOperationOwner owner) => (_owner, Length) = (owner, 0);

    /// <summary>Names the host memory that is sent or received; managed memory is pinned until the operation is complete.</summary>
    /// <returns>Its address.</returns>
    public byte* Use(EpBuffer buffer)
    {
        Length = buffer.ByteLength;
        if (buffer.Pointer != 0 || buffer.IsEmpty)
            return (byte*)buffer.Pointer;
        _pin = buffer.Managed.Pin();
        return (byte*)_pin.Pointer;
    }

    /// <summary>Lets go of the memory, tells the owner, and goes back to the pool.</summary>
    public void Complete(UcxStatus status)
    {
        _pin.Dispose();
        _pin = default;
        var owner = _owner!;
        _owner = null;
        try
        {
            owner.OnCompleted(this, status);
        }
        catch (Exception exception)
        {
            _worker.OnFault(exception); // this may be a callback of UCX, which no exception may leave
        }

        _worker.Return(this);
    }

    public void Dispose()
    {
        _self.Free();
        NativeMemory.AlignedFree(_header);
    }
}
