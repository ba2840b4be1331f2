using System.Buffers;
using System.Runtime.InteropServices;
using ElasticEp.Transports.Rdma.Memory;
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
    private RegisteredMemory? _registration;
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

    /// <summary>Whether its owner waits for it.</summary>
    public bool IsUnderWay => _owner is not null;

    /// <summary>The memory that is sent or received.</summary>
    public byte* Start { get; private set; }

    /// <summary>Its bytes.</summary>
    public long Length { get; private set; }

    public static UcxOperation From(nint reference) => (UcxOperation)GCHandle.FromIntPtr(reference).Target!;

    /// <param name="owner">Told of its end.</param>
    /// <param name="memory">The host memory that is sent or received, if any; managed memory is pinned until the operation is complete.</param>
    public void Begin(IOperationOwner owner, EpBuffer memory)
    {
        if (memory.Pointer == 0 && !memory.IsEmpty)
            _pin = memory.Managed.Pin(); // may throw: its owner decides
        (_owner, Length) = (owner, memory.ByteLength);
        Start = memory.Pointer == 0 ? (byte*)_pin.Pointer : (byte*)memory.Pointer;
    }

    /// <summary>Keeps the registration of its memory, if there is one, until it is complete.</summary>
    /// <returns>What UCX knows the memory by; zero when it is not registered.</returns>
    public nint KeepRegistration(MemoryTable table)
    {
        _registration = table.Keep((nint)Start, Length);
        return _registration?.Handle ?? 0;
    }

    /// <summary>Lets go of the memory, tells the owner, and goes back to the pool. This may be a callback of UCX: nothing of what it calls stops it.</summary>
    public void Complete(UcxStatus status)
    {
        var owner = _owner!;
        _owner = null;
        try
        {
            _registration?.Release();
            _pin.Dispose();
        }
        catch (Exception exception)
        {
            _worker.OnFault(exception);
        }

        (_registration, _pin) = (null, default);
        try
        {
            owner.OnCompleted(this, status);
        }
        catch (Exception exception)
        {
            _worker.OnFault(exception);
        }

        _worker.Return(this);
    }

    public void Dispose()
    {
        _self.Free();
        NativeMemory.AlignedFree(_header);
    }
}
