using System.Diagnostics.CodeAnalysis;

namespace ElasticEp.Cuda;

/// <summary>
/// Work of a device in order. Streams do not wait for the default stream. Not for two threads at the same time. Made by
/// <see cref="CudaDevice.CreateStream"/>, or from a stream of another library by <see cref="CudaDevice.UseStream"/>.
/// </summary>
[SuppressMessage("Naming", "CA1711", Justification = "It is what CUDA calls it.")]
public sealed unsafe class CudaStream : IDisposable
{
    private const int RelaxedCapture = 2; // other threads, the garbage collector's among them, may call the driver meanwhile

    private readonly CudaDevice _device;
    private readonly CudaStreamHandle _handle;

    internal CudaStream(CudaDevice device, CudaStreamHandle handle) => (_device, _handle) = (device, handle);

    /// <summary>The driver's stream, for other libraries.</summary>
    public nint Handle => _handle.DangerousGetHandle();

    /// <summary>Takes memory from the device's pool; it is usable by work that comes after on this stream, and so is returned.</summary>
    /// <param name="bytes">Bytes, more than zero.</param>
    /// <exception cref="CudaException">There is not as much; the message says how much was free.</exception>
    public CudaMemory Allocate(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes);
        using var scope = _device.Enter();
        CudaErrors.Check(CudaApi.cuDeviceGetDefaultMemPool(out var pool, _device.Ordinal), "Finding the memory pool");
        var result = CudaApi.cuMemAllocFromPoolAsync(out var address, (nuint)bytes, pool, Handle);
        if (result != 0)
            throw CudaErrors.Memory(result, $"Taking memory from the pool of {_device}", bytes);
        return new CudaMemory(_device, new CudaPoolHandle(_device.Context, _handle, (nint)address), bytes, MemoryKind.Device);
    }

    /// <summary>Copies; host memory must be pinned, or the call waits.</summary>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    /// <exception cref="CudaException">The driver refused it.</exception>
    public void Copy(EpBuffer source, EpBuffer target)
    {
        if (source.ByteLength != target.ByteLength || source.Pointer == 0 || target.Pointer == 0)
            throw new ArgumentException($"{source.ByteLength} bytes cannot be copied to {target.ByteLength}; both must be native memory of the same length.", nameof(target));
        using var scope = _device.Enter();
        CudaErrors.Check(CudaApi.cuMemcpyAsync((ulong)target.Pointer, (ulong)source.Pointer, (nuint)source.ByteLength, Handle), "Copying");
    }

    /// <summary>Fills memory with a byte.</summary>
    /// <exception cref="CudaException">The driver refused it.</exception>
    public void Fill(EpBuffer target, byte value)
    {
        using var scope = _device.Enter();
        CudaErrors.Check(CudaApi.cuMemsetD8Async((ulong)target.Pointer, value, (nuint)target.ByteLength, Handle), "Filling memory");
    }

    /// <summary>Writes a number of 32 bits to device memory.</summary>
    /// <exception cref="CudaException">The driver refused it.</exception>
    internal void Write(long address, int value)
    {
        using var scope = _device.Enter();
        CudaErrors.Check(CudaApi.cuMemsetD32Async((ulong)address, (uint)value, 1, Handle), "Writing a number");
    }

    /// <summary>Marks this point of the order.</summary>
    /// <exception cref="CudaException">The driver refused it.</exception>
    public void Record(CudaEvent mark)
    {
        using var scope = _device.Enter();
        CudaErrors.Check(CudaApi.cuEventRecord(mark.Handle.DangerousGetHandle(), Handle), "Recording an event");
    }

    /// <summary>Lets what comes after wait on the device for an event; the host does not wait.</summary>
    /// <exception cref="CudaException">The driver refused it.</exception>
    public void Wait(CudaEvent mark)
    {
        using var scope = _device.Enter();
        CudaErrors.Check(CudaApi.cuStreamWaitEvent(Handle, mark.Handle.DangerousGetHandle(), 0), "Waiting for an event");
    }

    /// <summary>From here on work is recorded instead of done.</summary>
    /// <exception cref="CudaException">A capture runs already.</exception>
    public void BeginCapture()
    {
        using var scope = _device.Enter();
        CudaErrors.Check(CudaApi.cuStreamBeginCapture_v2(Handle, RelaxedCapture), "Beginning a capture");
    }

    /// <summary>Ends the capture and makes what was recorded ready to run.</summary>
    /// <exception cref="CudaException">Something in between cannot be captured.</exception>
    public CudaGraph EndCapture()
    {
        using var scope = _device.Enter();
        CudaErrors.Check(CudaApi.cuStreamEndCapture(Handle, out var graph), "Ending a capture");
        try
        {
            nuint nodes = 0;
            CudaErrors.Check(CudaApi.cuGraphGetNodes(graph, null, ref nodes), "Counting the nodes of a graph");
            CudaErrors.Check(CudaApi.cuGraphInstantiateWithFlags(out var executable, graph, 0), "Making a graph ready");
            return new CudaGraph(_device.Context, new CudaGraphHandle(_device.Context, executable), (int)nodes);
        }
        finally
        {
            _ = CudaApi.cuGraphDestroy(graph);
        }
    }

    /// <summary>Waits until the device has done everything.</summary>
    /// <exception cref="CudaException">Some of it failed.</exception>
    public void Synchronize()
    {
        using var scope = _device.Enter();
        CudaErrors.Check(CudaApi.cuStreamSynchronize(Handle), $"Work on {_device}");
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();
}
