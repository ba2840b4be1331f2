using System.Diagnostics.CodeAnalysis;
using Microsoft.Win32.SafeHandles;

namespace ElasticEp.Cuda;

/// <summary>
/// A GPU, used through its primary context, which libraries of the process share. All members can be called from any thread: each
/// call makes the context current for itself. Kernels are C# methods; see <see cref="LoadKernel"/>.
/// </summary>
public sealed unsafe class CudaDevice : IDisposable
{
    private const uint NonBlocking = 1;
    private readonly CudaFacts _facts;

    private CudaDevice(CudaFacts facts, CudaContextHandle context) => (_facts, Context) = (facts, context);

    /// <summary>The driver's number of the device in this process.</summary>
    public int Ordinal => _facts.Ordinal;

    /// <summary>The device's name.</summary>
    public string Name => _facts.Name;

    /// <summary>What tells the device from all others, in every process, in the form GPU-xxxxxxxx-….</summary>
    public string Uuid => _facts.Uuid;

    /// <summary>What its multiprocessors can do.</summary>
    public Version ComputeCapability => _facts.ComputeCapability;

    /// <summary>Number of multiprocessors.</summary>
    public int Multiprocessors => _facts.Multiprocessors;

    /// <summary>Memory in bytes.</summary>
    internal long MemoryBytes => _facts.MemoryBytes;

    /// <summary>The NUMA node that the device is attached to; −1 where the host reports none.</summary>
    internal int NumaNode => _facts.NumaNode;

    /// <summary>Whether a kernel can start before the one ahead of it has ended.</summary>
    internal bool CanOverlapKernels => ComputeCapability >= new Version(9, 0);

    internal CudaContextHandle Context { get; }

    /// <summary>How many GPUs this process can use. Never throws.</summary>
    /// <param name="reason">Why there is none; empty when there are some.</param>
    public static int Probe(out string reason) => CudaProbe.Count(out reason);

    /// <summary>Opens a GPU by number.</summary>
    /// <exception cref="ElasticEpException">There is no such GPU, or it lacks something; the message says what.</exception>
    public static CudaDevice Open(int ordinal)
    {
        var count = CudaProbe.Count(out var reason);
        if (count == 0)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidState, reason);
        if (ordinal < 0 || ordinal >= count)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"There is no GPU {ordinal}; this process sees {count}.");
        var facts = CudaFacts.Read(ordinal);
        facts.Require();
        return new CudaDevice(facts, CudaContextHandle.Retain(ordinal));
    }

    /// <summary>Opens a GPU by its UUID.</summary>
    /// <exception cref="ElasticEpException">There is no such GPU, or it lacks something; the message says what.</exception>
    public static CudaDevice Open(string uuid)
    {
        var count = CudaProbe.Count(out var reason);
        if (count == 0)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidState, reason);
        for (var ordinal = 0; ordinal < count; ordinal++)
        {
            if (string.Equals(CudaFacts.Read(ordinal).Uuid, uuid, StringComparison.OrdinalIgnoreCase))
                return Open(ordinal);
        }

        throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"None of the {count} GPUs that this process sees is {uuid}.");
    }

    /// <summary>Makes a stream.</summary>
    /// <exception cref="CudaException">The driver refused it.</exception>
    public CudaStream CreateStream()
    {
        using var scope = Enter();
        CudaErrors.Check(CudaApi.cuStreamCreate(out var stream, NonBlocking), "Making a stream");
        return new CudaStream(this, new CudaStreamHandle(Context, stream));
    }

    /// <summary>Wraps a stream of another library, which keeps it until the wrapper is disposed.</summary>
    /// <param name="handle">The driver's stream (CUstream, cudaStream_t); not zero.</param>
    public CudaStream UseStream(nint handle)
    {
        ArgumentOutOfRangeException.ThrowIfZero(handle);
        return new CudaStream(this, new CudaStreamHandle(Context, handle, isBorrowed: true));
    }

    /// <summary>Makes an event.</summary>
    /// <exception cref="CudaException">The driver refused it.</exception>
    public CudaEvent CreateEvent()
    {
        using var scope = Enter();
        CudaErrors.Check(CudaApi.cuEventCreate(out var mark, 0), "Making an event");
        return new CudaEvent(Context, new CudaEventHandle(Context, mark));
    }

    /// <summary>Takes memory of the device. It may wait for work of the device; for short-lived memory use <see cref="CudaStream.Allocate"/>.</summary>
    /// <param name="bytes">Bytes, more than zero.</param>
    /// <exception cref="CudaException">There is not as much; the message says how much was free.</exception>
    public CudaMemory Allocate(long bytes) => Allocate(bytes, isExportable: false);

    /// <summary>Takes page-locked host memory that every device of the process reads and writes at the same address.</summary>
    /// <param name="bytes">Bytes, more than zero.</param>
    /// <exception cref="CudaException">The driver refused it.</exception>
    public CudaMemory AllocatePinned(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes);
        using var scope = Enter();
        var result = CudaApi.cuMemHostAlloc(out var address, (nuint)bytes, 1); // 1: pinned for every context
        if (result != 0)
            throw CudaErrors.Create(result, $"Pinning {CudaErrors.Size(bytes)} of host memory");
        return new CudaMemory(this, new CudaPinnedHandle(Context, address), bytes, MemoryKind.Pinned);
    }

    /// <summary>
    /// Compiles a static method to a kernel of this device. Parameters are int, long and float; addresses are longs, which unsafe
    /// code casts to pointers. Threads and blocks are ILGPU's Group and Grid. A method is compiled once in a process.
    /// </summary>
    /// <param name="method">A delegate of the method.</param>
    /// <param name="threads">Most threads of a block that it is launched with; 0 = not said.</param>
    /// <param name="blocks">Blocks for which a multiprocessor must have registers; 0 = not said.</param>
    /// <param name="isArchitectureSpecific">Whether it uses instructions that only this generation of GPU has, such as wgmma.</param>
    /// <exception cref="ElasticEpException">The method cannot be compiled; the message has the compiler's reason.</exception>
    [RequiresUnreferencedCode("Kernels are compiled from the IL of their methods.")]
    [RequiresDynamicCode("Kernels are compiled from the IL of their methods.")]
    public CudaKernel LoadKernel(Delegate method, int threads = 0, int blocks = 0, bool isArchitectureSpecific = false) =>
        CudaKernel.Load(this, PtxCompiler.Shared.Compile(method.Method, new PtxTarget(ComputeCapability, isArchitectureSpecific, threads, blocks)));

    /// <summary>The name and number of the device.</summary>
    public override string ToString() => $"GPU {Ordinal} ({Name})";

    /// <summary>Releases the primary context; what was made from this device keeps it until it is disposed too.</summary>
    public void Dispose() => Context.Dispose();

    internal CudaScope Enter() => Context.Enter();

    /// <summary>Whether this device can read and write the memory of another.</summary>
    internal bool CanAccess(CudaDevice peer) => CudaApi.cuDeviceCanAccessPeer(out var can, Ordinal, peer.Ordinal) == 0 && can != 0;

    /// <summary>What exportable memory is a multiple of, and where mapped memory begins.</summary>
    internal long Granularity
    {
        get
        {
            using var scope = Enter();
            var properties = CudaAllocation.Of(Ordinal, isExportable: true);
            return (long)Round(1, &properties);
        }
    }

    /// <summary>Reserves addresses for memory that is mapped later.</summary>
    internal CudaReservation Reserve(long bytes)
    {
        using var scope = Enter();
        CudaErrors.Check(CudaApi.cuMemAddressReserve(out var address, (nuint)bytes, 0, 0, 0), $"Reserving addresses for {CudaErrors.Size(bytes)} of {this}");
        return new CudaReservation(new CudaReservationHandle(Context, (nint)address, (nuint)bytes), bytes);
    }

    /// <summary>Takes exportable memory at a place of a reservation.</summary>
    /// <param name="reservation">Of this device.</param>
    /// <param name="offset">Where in it: a multiple of <see cref="Granularity"/>.</param>
    /// <param name="bytes">Bytes.</param>
    /// <param name="what">What it is for, for messages.</param>
    internal CudaMemory AllocateAt(CudaReservation reservation, long offset, long bytes, string what)
    {
        using var scope = Enter();
        var properties = CudaAllocation.Of(Ordinal, isExportable: true);
        var size = Round(bytes, &properties);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset + (long)size, reservation.ByteLength);
        var result = CudaApi.cuMemCreate(out var physical, size, &properties, 0);
        if (result != 0)
            throw CudaErrors.Memory(result, $"Taking memory of {this} for {what}", (long)size);
        return new CudaMemory(this, CudaVirtualHandle.Map(Context, Ordinal, physical, size, reservation.Handle, offset), bytes, MemoryKind.Device);
    }

    internal CudaMemory Allocate(long bytes, bool isExportable)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes);
        using var scope = Enter();
        var properties = CudaAllocation.Of(Ordinal, isExportable);
        var size = Round(bytes, &properties);
        var result = CudaApi.cuMemCreate(out var physical, size, &properties, 0);
        if (result != 0)
            throw CudaErrors.Memory(result, $"Taking memory of {this}", (long)size);
        return new CudaMemory(this, CudaVirtualHandle.Map(Context, Ordinal, physical, size), bytes, MemoryKind.Device);
    }

    /// <summary>Maps memory that a process of this host exported; the descriptor can be closed afterwards.</summary>
    internal CudaMemory Import(SafeFileHandle descriptor, long bytes)
    {
        using var scope = Enter();
        var properties = CudaAllocation.Of(Ordinal, isExportable: true);
        var size = Round(bytes, &properties);
        CudaErrors.Check(CudaApi.cuMemImportFromShareableHandle(out var physical, descriptor.DangerousGetHandle(), CudaAllocation.DescriptorHandle), $"Importing {CudaErrors.Size(bytes)} into {this}");
        return new CudaMemory(this, CudaVirtualHandle.Map(Context, Ordinal, physical, size), bytes, MemoryKind.Device);
    }

    private static nuint Round(long bytes, CudaAllocation* properties)
    {
        CudaErrors.Check(CudaApi.cuMemGetAllocationGranularity(out var granularity, properties, 0), "Asking for the granularity of memory");
        return ((nuint)bytes + granularity - 1) / granularity * granularity;
    }
}
