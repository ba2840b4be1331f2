using ElasticEp.Cuda;
using ILGPU;

namespace ElasticEp.Gpu.Tests.Cuda;

/// <summary>The layer over the driver, on the first GPU; skipped with the reason where there is none.</summary>
public sealed class CudaDeviceTests : IDisposable
{
    private readonly CudaDevice _device;
    private readonly CudaStream _stream;

    public CudaDeviceTests()
    {
        Assert.SkipWhen(CudaDevice.Probe(out var reason) == 0, reason);
        _device = CudaDevice.Open(0);
        _stream = _device.CreateStream();
    }

    [Fact]
    public void A_device_is_found_again_by_its_uuid()
    {
        using var again = CudaDevice.Open(_device.Uuid);
        Assert.Equal(_device.Ordinal, again.Ordinal);
        Assert.StartsWith("GPU-", _device.Uuid, StringComparison.Ordinal);
        var error = Assert.Throws<ElasticEpException>(() => CudaDevice.Open("GPU-00000000-0000-0000-0000-000000000000"));
        Assert.Equal(ElasticEpErrorCode.InvalidArgument, error.Code);
        Assert.Throws<ElasticEpException>(() => CudaDevice.Open(999));
    }

    [Fact]
    public void Memory_that_is_not_there_is_an_error_that_says_how_much_was_needed_and_how_much_was_free()
    {
        foreach (var allocate in new Func<long, CudaMemory>[] { _device.Allocate, _stream.Allocate })
        {
            var error = Assert.Throws<CudaException>(() => allocate(1L << 42));
            Assert.Equal("CUDA_ERROR_OUT_OF_MEMORY", error.ErrorName);
            Assert.Contains("4096.00 GiB were needed", error.Message, StringComparison.Ordinal);
            Assert.Contains(" GiB were free", error.Message, StringComparison.Ordinal);
            Assert.False(error.IsContextLost);
        }

        using var memory = _device.Allocate(1 << 20); // the device is as usable as before
        Assert.Equal(1 << 20, memory.ByteLength);
    }

    [Fact]
    public void Exported_memory_is_the_same_memory_where_it_is_imported()
    {
        using var memory = _device.Allocate(1 << 20, isExportable: true);
        using var descriptor = memory.Export();
        using var mapped = _device.Import(descriptor, 1 << 20);
        Assert.NotEqual(memory.Address, mapped.Address);
        _stream.Fill(memory.AsBuffer(ElementType.Byte), 0x5A);
        Assert.All(Read(mapped.AsBuffer(ElementType.Byte)), value => Assert.Equal(0x5A, value));
    }

    [Fact]
    public void A_kernel_a_graph_and_events_work_in_order()
    {
        using var kernel = _device.LoadKernel(AddOne, threads: 128);
        using var memory = _stream.Allocate(1000 * 4);
        _stream.Fill(memory.AsBuffer(ElementType.Byte), 0);
        using var start = _device.CreateEvent();
        using var end = _device.CreateEvent();
        _stream.BeginCapture();
        for (var i = 0; i < 5; i++)
            kernel.Launch(_stream, new CudaLaunch(8, 128), memory, 1000, 2f);
        using var graph = _stream.EndCapture();
        Assert.Equal(5, graph.Nodes);
        _stream.Record(start);
        for (var i = 0; i < 3; i++)
            graph.Launch(_stream);
        _stream.Record(end);
        Assert.All(Read(memory.AsBuffer(ElementType.Float32)).Chunk(4), bytes => Assert.Equal(30f, BitConverter.ToSingle(bytes)));
        Assert.True(end.IsComplete);
        Assert.True(end.ElapsedSince(start) > TimeSpan.Zero);
    }

    [Fact]
    public void A_stream_waits_for_an_event_of_another()
    {
        using var kernel = _device.LoadKernel(AddOne, threads: 128);
        using var memory = _device.Allocate(4);
        using var other = _device.CreateStream();
        using var ready = _device.CreateEvent();
        _stream.Fill(memory.AsBuffer(ElementType.Byte), 0);
        for (var i = 0; i < 100; i++)
            kernel.Launch(_stream, new CudaLaunch(1, 32), memory, 1, 1f);
        _stream.Record(ready);
        other.Wait(ready);
        kernel.Launch(other, new CudaLaunch(1, 32), memory, 1, 0.5f);
        other.Synchronize();
        Assert.Equal(100.5f, BitConverter.ToSingle(Read(memory.AsBuffer(ElementType.Float32))));
    }

    [Fact]
    public void A_kernel_of_one_device_writes_the_memory_of_another()
    {
        Assert.SkipWhen(CudaDevice.Probe(out _) < 2, "It needs two GPUs.");
        using var peer = CudaDevice.Open(1);
        Assert.True(peer.CanAccess(_device));
        using var memory = _device.Allocate(1000 * 4);
        memory.Grant(peer);
        _stream.Fill(memory.AsBuffer(ElementType.Byte), 0);
        _stream.Synchronize();
        using var stream = peer.CreateStream();
        using var kernel = peer.LoadKernel(AddOne, threads: 128);
        kernel.Launch(stream, new CudaLaunch(8, 128), memory, 1000, 3f);
        stream.Synchronize();
        Assert.All(Read(memory.AsBuffer(ElementType.Float32)).Chunk(4), bytes => Assert.Equal(3f, BitConverter.ToSingle(bytes)));
    }

    [Fact]
    public async Task Calls_work_from_every_thread()
    {
        using var memory = _device.Allocate(64);
        await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Task.Run(() =>
        {
            using var stream = _device.CreateStream();
            stream.Fill(memory.AsBuffer(ElementType.Byte), 3);
            stream.Synchronize();
        })));
        Assert.All(Read(memory.AsBuffer(ElementType.Byte)), value => Assert.Equal(3, value));
    }

    [Fact]
    public void A_launch_with_attributes_shared_memory_and_clusters_runs()
    {
        using var kernel = _device.LoadKernel(AddOne, threads: 128);
        using var memory = _device.Allocate(256 * 4);
        _stream.Fill(memory.AsBuffer(ElementType.Byte), 0);
        kernel.Launch(_stream, new CudaLaunch(2, 128) { SharedBytes = 100 << 10, OverlapsPrevious = true }, memory, 256, 1f);
        kernel.Launch(_stream, new CudaLaunch(2, 128) { ClusterBlocks = 2 }, memory, 256, 1f);
        Assert.All(Read(memory.AsBuffer(ElementType.Float32)).Chunk(4), bytes => Assert.Equal(2f, BitConverter.ToSingle(bytes)));
    }

    [Fact]
    public void A_wrong_launch_names_the_kernel_and_the_error()
    {
        using var kernel = _device.LoadKernel(AddOne, threads: 128);
        Assert.Contains("has 3 parameters and got 1", Assert.Throws<ArgumentException>(() => kernel.Launch(_stream, new CudaLaunch(1, 32), 1L)).Message, StringComparison.Ordinal);
        var error = Assert.Throws<CudaException>(() => kernel.Launch(_stream, new CudaLaunch(1, 4096), 0L, 0, 1f));
        Assert.Equal("CUDA_ERROR_INVALID_VALUE", error.ErrorName);
        Assert.Contains("CudaDeviceTests.AddOne with 1 × 1 blocks of 4096 threads", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_outlives_its_device_is_freed_without_an_error()
    {
        var device = CudaDevice.Open(0);
        var stream = device.CreateStream();
        var pooled = stream.Allocate(1 << 20);
        var pinned = device.AllocatePinned(1 << 20);
        device.Dispose();
        stream.Dispose();
        pooled.Dispose();
        pinned.Dispose();
        Assert.Throws<ObjectDisposedException>(() => pinned.Address);
    }

    public void Dispose()
    {
        _stream?.Dispose();
        _device?.Dispose();
    }

    private static unsafe void AddOne(long target, int count, float value)
    {
        var i = (Grid.IdxX * Group.DimX) + Group.IdxX;
        if (i < count)
            ((float*)target)[i] += value;
    }

    private byte[] Read(EpBuffer source)
    {
        using var pinned = _device.AllocatePinned(source.ByteLength);
        _stream.Copy(source.Cast(ElementType.Byte), pinned.AsBuffer(ElementType.Byte));
        _stream.Synchronize();
        return pinned.AsBuffer(ElementType.Byte).AsSpan<byte>().ToArray();
    }
}
