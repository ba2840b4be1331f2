using System.Runtime.InteropServices;
using ElasticEp.Cuda;
using ElasticEp.Cuda.Kernels;

namespace ElasticEp.Gpu.Tests.Kernels;

/// <summary>
/// The first GPU. Tests that need it are skipped, and say why, where there is none. The kernels are loaded once in the process: under
/// compute-sanitizer that takes most of the time.
/// </summary>
public sealed class CudaMachine : IKernelMachine
{
    private static readonly Lazy<(CudaDevice Device, KernelLibrary Library)> Loaded = new(() =>
    {
        var device = CudaDevice.Open(0);
        return (device, KernelLibrary.Load(device));
    });

    private readonly CudaDevice _device;
    private readonly CudaStream _stream;
    private readonly List<CudaMemory> _memory = [];

    public CudaMachine()
    {
        Assert.SkipWhen(CudaDevice.Probe(out var reason) == 0, reason);
        (_device, var library) = Loaded.Value;
        _stream = _device.CreateStream();
        Kernels = new ExchangeKernels(library.On(_stream), new KernelTuning());
    }

    /// <summary>The GPU and the kernels of all tests.</summary>
    internal static (CudaDevice Device, KernelLibrary Library) Shared => Loaded.Value;

    ExchangeKernels IKernelMachine.Kernels => Kernels;

    private ExchangeKernels Kernels { get; }

    public long Upload<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(values);
        var memory = _stream.Allocate(Math.Max(16, bytes.Length));
        _memory.Add(memory);
        using var pinned = _device.AllocatePinned(Math.Max(16, bytes.Length));
        bytes.CopyTo(pinned.AsBuffer(ElementType.Byte).AsSpan<byte>());
        _stream.Copy(pinned.AsBuffer(ElementType.Byte), memory.AsBuffer(ElementType.Byte));
        _stream.Synchronize();
        return memory.Address;
    }

    public T[] Download<T>(long address, int count)
        where T : unmanaged
    {
        var bytes = count * Marshal.SizeOf<T>();
        using var pinned = _device.AllocatePinned(Math.Max(16, bytes));
        var target = pinned.AsBuffer(ElementType.Byte).SliceBytes(0, bytes);
        _stream.Copy(EpBuffer.FromPointer((nint)address, bytes, ElementType.Byte, MemoryKind.Device, 0), target);
        _stream.Synchronize();
        return target.AsSpan<T>(0, count).ToArray();
    }

    public void Write<T>(long address, ReadOnlySpan<T> values)
        where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(values);
        if (bytes.IsEmpty)
            return;
        using var pinned = _device.AllocatePinned(bytes.Length);
        bytes.CopyTo(pinned.AsBuffer(ElementType.Byte).AsSpan<byte>());
        _stream.Copy(pinned.AsBuffer(ElementType.Byte), EpBuffer.FromPointer((nint)address, bytes.Length, ElementType.Byte, MemoryKind.Device, 0));
        _stream.Synchronize();
    }

    public long Pin(int bytes)
    {
        var memory = _device.AllocatePinned(bytes);
        _memory.Add(memory);
        memory.AsBuffer(ElementType.Byte).AsSpan<byte>().Clear();
        return memory.Address;
    }

    public void Dispose()
    {
        foreach (var memory in _memory)
            memory.Dispose();
        _stream?.Dispose();
    }
}
