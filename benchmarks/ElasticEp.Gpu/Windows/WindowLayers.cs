using ElasticEp.Cuda;
using ElasticEp.Cuda.Windows;

namespace ElasticEp.Gpu.Windows;

/// <summary>Layers of one rank, launched without a graph.</summary>
internal sealed class WindowLayers : IDisposable
{
    private readonly WindowPair _pair;
    private readonly Bench _bench;
    private readonly CudaKernel _standIn;
    private readonly WindowCase _case;
    private readonly List<CudaMemory> _memory = [];
    private readonly long _hidden;
    private readonly long _ids;
    private readonly long _weights;
    private readonly long _rows;
    private readonly long _outputs;
    private readonly long _result;

    public WindowLayers(WindowPair pair, WindowCase shape)
    {
        (_pair, _bench, _case) = (pair, pair.Bench, shape);
        _standIn = _bench.Device.LoadKernel(StandIn.Run, threads: 256);
        var batch = new WindowBatch(shape, pair.Rank, 0);
        var bytes = (long)shape.Tokens * shape.Hidden * 2;
        _hidden = Keep(bytes);
        _ids = Keep(batch.Ids.Length * 4L);
        _weights = Keep(batch.Weights.Length * 4L);
        _rows = Keep(2 * bytes * Shapes.TopK);
        _outputs = Keep(2 * bytes * Shapes.TopK);
        _result = Keep(bytes);
        _bench.Write<ushort>(_hidden, batch.Hidden);
        _bench.Write<int>(_ids, batch.Ids);
        _bench.Write<float>(_weights, batch.Weights);
    }

    /// <summary>The rows of the last layer, after poison.</summary>
    public byte[] Result() => _bench.Read(_result, (long)_case.Tokens * _case.Hidden * 2);

    /// <summary>Enqueues a whole step.</summary>
    public void Launch(long epoch, long step, int layers, TimeSpan deadline, (int Layer, int Operation)? hold = null)
    {
        _bench.Stream.Fill(_bench.Buffer(_result, (long)_case.Tokens * _case.Hidden * 2), 0xFF);
        _pair.Exchange.Start(_bench.Stream, new WindowAttempt(epoch, step, deadline, [_case.Tokens]) { Hold = hold });
        _pair.Lane.Begin();
        _pair.Exchange.Begin(_bench.Stream);
        for (var layer = 0; layer < layers; layer++)
        {
            _pair.Lane.Dispatch(layer, _case.Tokens, _hidden, _ids, _weights);
            _pair.Lane.Receive(layer, 2 * _case.Tokens, _rows);
            _standIn.Launch(_bench.Stream, new CudaLaunch(_bench.Device.Multiprocessors * 4, 256), _rows, _outputs, _pair.Exchange.Buffers.Offsets(0), _pair.Slots, 0, _case.Hidden);
            _pair.Lane.Return(layer, 2 * _case.Tokens, _outputs);
            _pair.Lane.Combine(layer, _case.Tokens, _weights, _result);
        }

        _pair.Exchange.End(_bench.Stream);
    }

    public void Dispose()
    {
        _bench.Stream.Synchronize();
        foreach (var memory in _memory)
            memory.Dispose();
        _standIn.Dispose();
    }

    private long Keep(long bytes)
    {
        var memory = _bench.Device.Allocate(bytes);
        _memory.Add(memory);
        return memory.Address;
    }
}
