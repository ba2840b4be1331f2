using System.Globalization;
using System.Runtime.InteropServices;
using ElasticEp.Cuda;
using ElasticEp.Cuda.Kernels;

namespace ElasticEp.Gpu;

/// <summary>A device with the kernels loaded, memory with random contents, and time by graph replay.</summary>
internal sealed class Bench : IDisposable
{
    private const int Replays = 21;
    private readonly List<CudaMemory> _memory = [];
    private readonly CudaKernel _random;

    public Bench(int ordinal = 0, bool measuresCopy = true)
    {
        Device = CudaDevice.Open(ordinal);
        Stream = Device.CreateStream();
        Library = KernelLibrary.Load(Device);
        Kernels = new ExchangeKernels(Library.On(Stream), new KernelTuning());
        _random = Device.LoadKernel(RandomRows.Fill, threads: 256);
        CopyRate = measuresCopy ? MeasureCopy(1L << 30) : double.NaN;
    }

    public CudaDevice Device { get; }

    public CudaStream Stream { get; }

    public KernelLibrary Library { get; }

    public ExchangeKernels Kernels { get; set; }

    /// <summary>Bytes a second of a copy of 1 GiB within the device, read and written.</summary>
    public double CopyRate { get; }

    /// <summary>Writes memory by a kernel.</summary>
    public void Fill(long address, long bytes) => _random.Launch(Stream, new CudaLaunch(Device.Multiprocessors * 8, 256), address, bytes / 4, 99);

    /// <summary>Memory full of bfloat16 values between −1 and 1: zeros would run faster than data does.</summary>
    public long Rows(long bytes)
    {
        var memory = Empty(bytes);
        _random.Launch(Stream, new CudaLaunch(Device.Multiprocessors * 8, 256), memory, bytes / 4, 12345);
        return memory;
    }

    public long Empty(long bytes)
    {
        var memory = Device.Allocate(bytes);
        _memory.Add(memory);
        return memory.Address;
    }

    public long Upload<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        var address = Empty(MemoryMarshal.AsBytes(values).Length);
        Write(address, values);
        return address;
    }

    public void Write<T>(long address, ReadOnlySpan<T> values)
        where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(values);
        using var pinned = Device.AllocatePinned(bytes.Length);
        bytes.CopyTo(pinned.AsBuffer(ElementType.Byte).AsSpan<byte>());
        Stream.Copy(pinned.AsBuffer(ElementType.Byte), Buffer(address, bytes.Length));
        Stream.Synchronize();
    }

    public byte[] Read(long address, long bytes)
    {
        using var pinned = Device.AllocatePinned(bytes);
        Stream.Copy(Buffer(address, bytes), pinned.AsBuffer(ElementType.Byte));
        Stream.Synchronize();
        return pinned.AsBuffer(ElementType.Byte).AsSpan<byte>().ToArray();
    }

    /// <summary>Device memory as a buffer.</summary>
    public EpBuffer Buffer(long address, long bytes) => EpBuffer.FromPointer((nint)address, bytes, ElementType.Byte, MemoryKind.Device, Device.Ordinal);

    /// <summary>Words of an attempt in which nothing has failed.</summary>
    public long Control(int members)
    {
        var words = new byte[ExchangeControl.Bytes];
        BitConverter.TryWriteBytes(words.AsSpan(ExchangeControl.Members), members);
        BitConverter.TryWriteBytes(words.AsSpan(ExchangeControl.Status), ExchangeFailure.None);
        return Upload<byte>(words);
    }

    /// <summary>Frees what was allocated since.</summary>
    public void Free()
    {
        Stream.Synchronize();
        foreach (var memory in _memory)
            memory.Dispose();
        _memory.Clear();
    }

    /// <summary>How many sets of buffers are taken in turn, so that the cache does not serve what it never could; the Python side does the same.</summary>
    public static int Sets(long bytes) => (int)Math.Clamp((256L << 20) / bytes, 2, 32);

    /// <summary>Microseconds of one of <paramref name="launches"/> launches in a graph: the median of its replays.</summary>
    public double Time(int launches, Action<int> launch)
    {
        Stream.BeginCapture();
        for (var i = 0; i < launches; i++)
            launch(i);
        using var graph = Stream.EndCapture();
        var marks = Enumerable.Range(0, Replays + 1).Select(_ => Device.CreateEvent()).ToArray();
        for (var i = 0; i < 3; i++)
            graph.Launch(Stream);
        Stream.Record(marks[0]);
        for (var i = 1; i <= Replays; i++)
        {
            graph.Launch(Stream);
            Stream.Record(marks[i]);
        }

        Stream.Synchronize();
        var times = Enumerable.Range(0, Replays).Select(i => marks[i + 1].ElapsedSince(marks[i]).TotalMicroseconds / launches).Order().ToArray();
        foreach (var mark in marks)
            mark.Dispose();
        return times[Replays / 2];
    }

    /// <summary>A time with the bandwidth that it means, and that as a share of the copy's.</summary>
    public string Describe(double microseconds, double bytes) => string.Create(
        CultureInfo.InvariantCulture,
        $"{microseconds:F1} µs, {bytes / microseconds / 1e3:F0} GB/s, {Share(microseconds, bytes):P1} of the copy's {CopyRate / 1e9:F0}");

    public double Share(double microseconds, double bytes) => bytes / (microseconds * 1e-6) / CopyRate;

    /// <summary>Rate of a copy, in a graph of its own.</summary>
    public double MeasureCopy(long bytes)
    {
        using var source = Device.Allocate(bytes);
        using var target = Device.Allocate(bytes);
        _random.Launch(Stream, new CudaLaunch(Device.Multiprocessors * 8, 256), source, bytes / 4, 7);
        var time = Time(4, i => Stream.Copy((i & 1) == 0 ? source.AsBuffer(ElementType.Byte) : target.AsBuffer(ElementType.Byte), (i & 1) == 0 ? target.AsBuffer(ElementType.Byte) : source.AsBuffer(ElementType.Byte)));
        return 2.0 * bytes / (time * 1e-6);
    }

    public void Dispose()
    {
        Free();
        _random.Dispose();
        Library.Dispose();
        Stream.Dispose();
        Device.Dispose();
    }
}
