using ElasticEp.Cuda;
using Microsoft.Extensions.Hosting;

namespace ElasticEp.Gpu.Tests.Groups;

/// <summary>The serving loop of a rank: the same tokens in every step, on its GPU; experts compute on the processor, with the weights that the library moves.</summary>
internal sealed class GpuServingLoop(IElasticGroup group, int device, GpuOutputs outputs) : BackgroundService
{
    private const int RowBytes = GpuModel.Hidden * sizeof(float);
    private const int Bytes = 1 << 16;

    private CudaStream? _stream;
    private EpBuffer _memory;
    private EpBuffer _staging;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var gpu = CudaDevice.Open(device);
        using var stream = gpu.CreateStream();
        using var memory = gpu.Allocate(Bytes);
        using var staging = gpu.AllocatePinned(Bytes);
        _stream = stream;
        _memory = memory.AsBuffer(ElementType.Byte);
        _staging = staging.AsBuffer(ElementType.Byte);
        try
        {
            while (await group.RunStepAsync(RunAsync, stoppingToken))
                outputs.Check(group.View, Read(Rows(0)));
        }
        catch (OperationCanceledException)
        {
            // The host stops.
        }
        catch (Exception exception)
        {
            outputs.Fail(exception);
        }
    }

    private async ValueTask RunAsync(ElasticStep step, CancellationToken cancellationToken)
    {
        group.NotifyWork(); // there is always another step
        Write(Rows(0), [.. Enumerable.Range(0, GpuModel.Tokens * GpuModel.Hidden).Select(at => GpuModel.Input(at / GpuModel.Hidden, at % GpuModel.Hidden))]);
        for (var layer = 0; layer < GpuModel.Layers; layer++)
        {
            var (ids, weights) = (Terms(0, ElementType.Int32), Terms(1, ElementType.Float32));
            Write(ids, [.. Enumerable.Range(0, GpuModel.Tokens * GpuModel.TopK).Select(term => GpuModel.Expert(layer, term / GpuModel.TopK, term % GpuModel.TopK))]);
            Write(weights, [.. Enumerable.Range(0, GpuModel.Tokens * GpuModel.TopK).Select(term => GpuModel.Factor(term % GpuModel.TopK))]);
            await step.ForwardExpertsAsync(layer, Rows(layer & 1), ids, weights, Rows((layer + 1) & 1), RunExpert, cancellationToken: cancellationToken);
        }

        Write(Rows(0), Read(Rows(GpuModel.Layers & 1))); // where the result is read
    }

    private void RunExpert(in ExpertBatch batch)
    {
        var rows = Read(batch.Rows);
        var scale = batch.Weights[0].AsSpan<float>();
        for (var i = 0; i < rows.Length; i++)
            rows[i] *= scale[i % GpuModel.Hidden];
        Write(batch.Output, rows);
    }

    private EpBuffer Rows(int which) => _memory.SliceBytes(which * 4096, GpuModel.Tokens * RowBytes).Cast(ElementType.Float32);

    private EpBuffer Terms(int which, ElementType type) => _memory.SliceBytes((2 + which) * 4096, GpuModel.Tokens * GpuModel.TopK * sizeof(int)).Cast(type);

    private float[] Read(EpBuffer buffer)
    {
        var staging = _staging.SliceBytes(0, buffer.ByteLength);
        _stream!.Copy(buffer.Cast(ElementType.Byte), staging);
        _stream.Synchronize();
        return staging.AsSpan<float>().ToArray();
    }

    private void Write<T>(EpBuffer buffer, T[] values)
        where T : unmanaged
    {
        var staging = _staging.SliceBytes(0, buffer.ByteLength);
        values.CopyTo(staging.AsSpan<T>());
        _stream!.Copy(staging, buffer.Cast(ElementType.Byte));
        _stream.Synchronize();
    }
}
