using System.Runtime.InteropServices;
using ElasticEp.Cuda;
using ElasticEp.TestKit;

namespace ElasticEp.Gpu.Tests.Exchange;

/// <summary>
/// What the app of one rank does on one lane: its batches on the GPU, and experts that compute on the processor. Nothing is allocated or freed
/// during steps: that may wait for kernels, which wait for other ranks.
/// </summary>
internal sealed class GpuApp : IDisposable
{
    private readonly ElasticEpOptions _options;
    private readonly CudaStream _stream;
    private readonly CudaMemory _memory;
    private readonly CudaMemory _staging;

    public GpuApp(CudaDevice device, ElasticEpOptions options)
    {
        _options = options;
        _stream = device.CreateStream();
        var rows = options.MaxTokensPerRank * RowBytes;
        var terms = options.MaxTokensPerRank * options.Model.TopK * sizeof(int);
        _memory = device.Allocate((2 * rows) + (2 * terms) + 64);
        _staging = device.AllocatePinned(Math.Max(4096, (long)options.MaxRanks * options.MaxTokensPerRank * options.Model.TopK * RowBytes));
        var all = _memory.AsBuffer(ElementType.Byte);
        Hidden = all.SliceBytes(0, rows).Cast(Type);
        Output = all.SliceBytes(rows, rows).Cast(Type);
        Ids = all.SliceBytes(2 * rows, terms).Cast(ElementType.Int32);
        Weights = all.SliceBytes((2 * rows) + terms, terms).Cast(ElementType.Float32);
    }

    public EpBuffer Hidden { get; private set; }

    public EpBuffer Output { get; private set; }

    public EpBuffer Ids { get; private set; }

    public EpBuffer Weights { get; private set; }

    private ElementType Type => _options.Model.RowType;

    private int RowBytes => _options.Model.HiddenSize * EpBuffer.SizeOf(Type);

    /// <summary>A batch on the GPU; its buffers have its length.</summary>
    public (EpBuffer Hidden, EpBuffer Ids, EpBuffer Weights, EpBuffer Output) Upload(ExchangeBatch batch)
    {
        var (rows, terms) = (batch.Hidden.Length, batch.Ids.Length * sizeof(int));
        var result = (Hidden.SliceBytes(0, rows), Ids.SliceBytes(0, terms), Weights.SliceBytes(0, terms), Output.SliceBytes(0, rows));
        Write(result.Item1, batch.Hidden);
        Write(result.Item2, MemoryMarshal.AsBytes(batch.Ids.AsSpan()));
        Write(result.Item3, MemoryMarshal.AsBytes(batch.Weights.AsSpan()));
        return result;
    }

    public byte[] Download(EpBuffer buffer)
    {
        if (buffer.ByteLength == 0)
            return [];
        var staging = _staging.AsBuffer(ElementType.Byte).SliceBytes(0, buffer.ByteLength);
        _stream.Copy(buffer.Cast(ElementType.Byte), staging);
        _stream.Synchronize();
        return staging.AsSpan<byte>().ToArray();
    }

    /// <summary>Computes the rows of one slot.</summary>
    public void Compute(in ExpertBatch batch)
    {
        var output = new byte[batch.Count * RowBytes];
        var rows = Download(batch.Rows);
        var host = new ExpertBatch(batch.Layer, batch.Slot, batch.Expert, EpBuffer.From(rows.AsMemory(), Type), EpBuffer.From(output.AsMemory(), Type), batch.Count, batch.Weights);
        ExchangeOracle.RunExpert(Type, _options.Model.HiddenSize, host);
        Write(batch.Output, output);
    }

    /// <summary>Computes all rows, by what the device has for the call.</summary>
    public void Compute(in GroupedExpertBatch batch)
    {
        Assert.NotEqual(0, batch.Stream);
        var offsets = MemoryMarshal.Cast<byte, int>(Download(batch.Offsets)).ToArray();
        var experts = MemoryMarshal.Cast<byte, int>(Download(batch.Experts)).ToArray();
        Assert.Equal(batch.Count, offsets[^1]);
        for (var slot = 0; slot < batch.Slots; slot++)
        {
            var (first, length) = ((long)offsets[slot] * RowBytes, (long)(offsets[slot + 1] - offsets[slot]) * RowBytes);
            if (length > 0)
                Compute(new ExpertBatch(batch.Layer, slot, experts[slot], batch.Rows.SliceBytes(first, length), batch.Output.SliceBytes(first, length), offsets[slot + 1] - offsets[slot], default));
        }
    }

    public void Dispose()
    {
        _staging.Dispose();
        _memory.Dispose();
        _stream.Dispose();
    }

    private void Write(EpBuffer target, ReadOnlySpan<byte> values)
    {
        if (values.Length == 0)
            return;
        var staging = _staging.AsBuffer(ElementType.Byte).SliceBytes(0, values.Length);
        values.CopyTo(staging.AsSpan<byte>());
        _stream.Copy(staging, target.Cast(ElementType.Byte));
        _stream.Synchronize();
    }
}
