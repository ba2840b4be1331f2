using System.Runtime.InteropServices;
using ElasticEp.Cuda;
using ElasticEp.Cuda.Kernels;
using ElasticEp.Cuda.Windows;

namespace ElasticEp.Gpu.Windows;

/// <summary>One configuration on one of two ranks: bits first, then times.</summary>
internal sealed class WindowRun : IDisposable
{
    public const int Layers = 48;
    private const int CheckedLayers = 4; // both parities twice, with other data each
    private const int Replays = 15;
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(3);

    private readonly WindowCase _case;
    private readonly WindowPair _pair;
    private readonly Bench _bench;
    private readonly CudaKernel _standIn;
    private readonly long[] _hidden;
    private readonly long[] _ids;
    private readonly long[] _weights;
    private readonly long[] _results;
    private readonly long _rows;
    private readonly long _outputs;
    private readonly int _most;
    private long _step;

    public WindowRun(WindowCase shape, WindowPair pair, CudaKernel standIn)
    {
        _case = shape;
        _pair = pair;
        _bench = pair.Bench;
        _standIn = standIn;
        var batches = Enumerable.Range(0, CheckedLayers).Select(layer => new WindowBatch(shape, pair.Rank, layer)).ToArray();
        _hidden = [.. batches.Select(batch => _bench.Upload<ushort>(batch.Hidden))];
        _ids = [.. batches.Select(batch => _bench.Upload<int>(batch.Ids))];
        _weights = [.. batches.Select(batch => _bench.Upload<float>(batch.Weights))];
        var bytes = (long)shape.Tokens * shape.Hidden * 2;
        _results = [.. batches.Select(_ => _bench.Empty(bytes))];
        _rows = _bench.Empty(2 * bytes * Shapes.TopK);
        _outputs = _bench.Empty(2 * bytes * Shapes.TopK);
        _most = 2 * shape.Tokens;
        Lane = pair.Lane;
        pair.EnterBoth();
    }

    /// <summary>What is run: other grids are compared by another lane.</summary>
    public WindowLane Lane { get; set; }

    /// <summary>Layers with different data, in a graph that is replayed, against the processor's engine.</summary>
    /// <returns>How many tokens are wrong.</returns>
    public int Check(int onlyLayer = -1)
    {
        using var graph = Capture(CheckedLayers, isChecked: true);
        for (var replay = 0; replay < 2; replay++)
        {
            foreach (var result in _results)
                _bench.Stream.Fill(_bench.Buffer(result, (long)_case.Tokens * _case.Hidden * 2), 0xFF);
            _bench.Stream.Synchronize();
            _pair.Barrier();
            Launch(graph);
            Require();
        }

        using var reference = new CpuReference(_case);
        return Enumerable.Range(0, CheckedLayers).Where(layer => onlyLayer < 0 || layer == onlyLayer).Sum(layer => CountWrong(reference, layer));
    }

    /// <summary>One graph, captured while this rank is alone, in views of one, two and one members; see <see cref="Check"/>.</summary>
    /// <returns>How many tokens are wrong.</returns>
    public int CheckViews()
    {
        _pair.EnterAlone();
        using var graph = Capture(CheckedLayers, isChecked: true);
        var alone = Replay(graph);
        _pair.Barrier();
        _pair.EnterBoth();
        _pair.Barrier();
        _ = Replay(graph);
        using var reference = new CpuReference(_case);
        var wrong = Enumerable.Range(0, CheckedLayers).Sum(layer => CountWrong(reference, layer));
        _pair.Barrier(); // nobody goes on with tags of its own before both have looked
        _pair.EnterAlone();
        wrong += Replay(graph).Zip(alone, (after, before) => after.AsSpan().SequenceEqual(before) ? 0 : _case.Tokens).Sum();
        _pair.EnterBoth();
        _pair.Barrier();
        return wrong;
    }

    /// <summary>Microseconds of a layer, of 48 in a graph.</summary>
    public double Time() => TimeGraph(Layers, layer => Enqueue(layer, 0, withExperts: false));

    /// <summary>Microseconds of a dispatch and a return, with what our kernels do on the way and what theirs need not.</summary>
    public double TimeExchange() => TimeGraph(Layers, layer =>
    {
        Lane.Dispatch(layer, _case.Tokens, _hidden[0], _ids[0], _weights[0]);
        Lane.Place(layer);
        Lane.Return(layer, _most, _outputs);
        var signal = new FlagSignal(_pair.Exchange.Buffers.Control, _pair.Exchange.Buffers.Incoming, WindowLayout.FlagOffset(0, Signals.Return, layer & 1), 0, layer);
        _pair.Kernels.SumReturned(ElementType.BFloat16, 0, 0, 0, 0, 0, new RowCount(0, 0, _pair.Exchange.Buffers.Control), Shapes.TopK, 16, signal);
    });

    /// <summary>Microseconds of the first stages of a layer: dispatch, receive, return, combine.</summary>
    public double TimeStages(int stages) => TimeGraph(Layers, layer => Enqueue(layer, 0, withExperts: false, stages));

    /// <summary>Rows that have arrived in the last layer, and places of their entries.</summary>
    public (long Received, long Placed) Counts()
    {
        var buffers = _pair.Exchange.Buffers;
        var received = BitConverter.ToInt32(_bench.Read(buffers.Received(0), 4));
        var placed = BitConverter.ToInt32(_bench.Read(buffers.Offsets(0) + (_pair.Slots * 4L), 4));
        return (received, placed);
    }

    /// <summary>Rows and entries that go to the other rank in layer 0.</summary>
    public (int Rows, int Entries) Crossing()
    {
        var ids = new WindowBatch(_case, _pair.Rank, 0).Ids;
        var away = ids.Select(id => id / _pair.Slots != _pair.Rank).ToArray();
        return (away.Chunk(Shapes.TopK).Count(token => token.Any(isAway => isAway)), away.Count(isAway => isAway));
    }

    public void Dispose() => _bench.Free();

    private double TimeGraph(int layers, Action<int> enqueue)
    {
        using var graph = Capture(layers, enqueue);
        var marks = Enumerable.Range(0, Replays + 1).Select(_ => _bench.Device.CreateEvent()).ToArray();
        _pair.Barrier();
        for (var replay = 0; replay < 3; replay++)
            Launch(graph);
        _bench.Stream.Record(marks[0]);
        for (var replay = 1; replay <= Replays; replay++)
        {
            Launch(graph);
            _bench.Stream.Record(marks[replay]);
        }

        Require();
        var times = Enumerable.Range(0, Replays).Select(i => marks[i + 1].ElapsedSince(marks[i]).TotalMicroseconds / layers).Order().ToArray();
        foreach (var mark in marks)
            mark.Dispose();
        _pair.Barrier();
        return _pair.Max(times[Replays / 2]);
    }

    /// <summary>The results of all layers.</summary>
    private List<byte[]> Replay(CudaGraph graph)
    {
        var bytes = (long)_case.Tokens * _case.Hidden * 2;
        foreach (var result in _results)
            _bench.Stream.Fill(_bench.Buffer(result, bytes), 0xFF);
        Launch(graph);
        Require();
        return [.. _results.Select(result => _bench.Read(result, bytes))];
    }

    private CudaGraph Capture(int layers, bool isChecked) => Capture(layers, layer => Enqueue(layer, layer, isChecked));

    private CudaGraph Capture(int layers, Action<int> enqueue)
    {
        _bench.Stream.BeginCapture();
        Lane.Begin();
        _pair.Exchange.Begin(_bench.Stream);
        for (var layer = 0; layer < layers; layer++)
            enqueue(layer);
        _pair.Exchange.End(_bench.Stream);
        return _bench.Stream.EndCapture();
    }

    private void Enqueue(int layer, int data, bool withExperts, int stages = 4)
    {
        var lane = Lane;
        lane.Dispatch(layer, _case.Tokens, _hidden[data], _ids[data], _weights[data]);
        if (stages > 1)
            lane.Receive(layer, _most, _rows);
        if (withExperts)
            _standIn.Launch(_bench.Stream, new CudaLaunch(_bench.Device.Multiprocessors * 4, 256), _rows, _outputs, _pair.Exchange.Buffers.Offsets(0), _pair.Slots, _pair.Rank * _pair.Slots, _case.Hidden);
        if (stages > 2)
            lane.Return(layer, _most, _outputs);
        if (stages > 3)
            lane.Combine(layer, _case.Tokens, _weights[data], _results[data]);
    }

    private void Launch(CudaGraph graph)
    {
        _pair.Exchange.Start(_bench.Stream, new WindowAttempt(1, ++_step, Deadline, [_case.Tokens]));
        graph.Launch(_bench.Stream);
    }

    private void Require()
    {
        _bench.Stream.Synchronize();
        if (!_pair.Exchange.Words.IsDone(1, _step, out var failure) || failure is not null)
            throw new InvalidOperationException($"{_case.Key}, step {_step}: {failure}");
    }

    private int CountWrong(CpuReference reference, int layer)
    {
        var batches = Enumerable.Range(0, 2).Select(rank => new WindowBatch(_case, rank, layer)).ToArray();
        var rows = batches.Select(batch => _case.UsesFloat8 ? batch.Travelled() : batch.Hidden).ToArray();
        var expected = reference.Run(batches, rows, _pair.Rank);
        var actual = MemoryMarshal.Cast<byte, ushort>(_bench.Read(_results[layer], expected.Length * 2L));
        var wrong = 0;
        for (var token = 0; token < _case.Tokens; token++)
            wrong += actual.Slice(token * _case.Hidden, _case.Hidden).SequenceEqual(expected.AsSpan(token * _case.Hidden, _case.Hidden)) ? 0 : 1;
        return wrong;
    }
}
