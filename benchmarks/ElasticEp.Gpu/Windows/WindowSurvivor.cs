using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using ElasticEp.Cuda;
using ElasticEp.Cuda.Kernels;
using ElasticEp.Cuda.Windows;

namespace ElasticEp.Gpu.Windows;

/// <summary>The rank that stays, in one round.</summary>
internal sealed class WindowSurvivor : IDisposable
{
    private static byte[]? _alone; // what a step of this rank alone gives; the same in every round

    private readonly Bench _bench;
    private readonly Socket _socket;
    private readonly WindowPair _pair;
    private readonly WindowLayers _layers;
    private readonly WindowCase _shape;
    private readonly long _epoch;

    public WindowSurvivor(Bench bench, WindowVictim victim, WindowLayout layout, WindowCase shape)
    {
        _bench = bench;
        _shape = shape;
        _epoch = victim.Incarnation;
        _socket = victim.Accept();
        _pair = new WindowPair(bench, layout, 0, _socket, incarnation: victim.Incarnation);
        _layers = new WindowLayers(_pair, shape);
        if (_alone is null)
        {
            _pair.EnterAlone();
            _layers.Launch(1, 1, 2, TimeSpan.FromSeconds(1));
            bench.Stream.Synchronize();
            _alone = _layers.Result();
        }

        _pair.EnterBoth();
        _pair.Barrier();
    }

    /// <summary>Runs a step until the other's kernel is held half way.</summary>
    public void RunUntilHeld(int operation, int layer, int layers, TimeSpan deadline)
    {
        _socket.Send([(byte)operation]);
        _layers.Launch(_epoch, 1, layers, deadline);
        if (_socket.Receive(new byte[1]) != 1)
            throw new InvalidOperationException($"The victim has gone before it was held in layer {layer}.");
    }

    /// <summary>Ends the attempt; milliseconds from the host's word until all work of it is done.</summary>
    public double EndAttempt(int operation, int layer)
    {
        if (_pair.Exchange.Words.IsDone(_epoch, 1, out var early))
            throw new InvalidOperationException($"The wait was over before: {early}");
        var clock = Stopwatch.StartNew();
        _pair.Exchange.Words.End(_epoch);
        WindowFailure? failure;
        while (!_pair.Exchange.Words.IsDone(_epoch, 1, out failure))
            Thread.SpinWait(10);
        var time = clock.Elapsed.TotalMilliseconds;
        _bench.Stream.Synchronize();
        if (failure is not { IsEnded: true } || failure.Value.Layer != layer || failure.Value.Kind != ExchangeFailure.DispatchEnded + operation)
            throw new InvalidOperationException($"The attempt ended otherwise: {failure}");
        return time;
    }

    /// <summary>Kernels write the dead process's memory, memory can be allocated, and a step of this rank alone has the right bits.</summary>
    public bool IsUsable()
    {
        _bench.Fill(_pair.Outgoing, 4 << 20);
        using var memory = _bench.Device.Allocate(64 << 20);
        _bench.Fill(memory.Address, 64 << 20);
        _bench.Stream.Synchronize(); // the memory is freed at the end of this method
        return RunsAlone(1);
    }

    /// <summary>Goes on alone while the other is stopped, then lets its kernel go on.</summary>
    /// <returns>What is wrong; empty for nothing.</returns>
    public string SurviveStopped(WindowVictim victim, int layer, int steps)
    {
        var retired = _pair.Exchange.Space.Address + _pair.Exchange.Space.Stride;
        var flag = retired + WindowLayout.FlagOffset(0, Signals.Dispatch, layer & 1);
        var tag = WindowTag.Of(_epoch, 1) + layer + 1;
        if (!RunsAlone(steps))
            return "a step alone had wrong bits while the other was stopped";
        if (BitConverter.ToInt64(_bench.Read(flag, 8)) == tag)
            return "the tag was there before the kernel was released";
        var live = _bench.Read(_pair.Exchange.Space.Address, _pair.Exchange.Layout.Bytes);
        victim.Resume();
        _socket.Send([(byte)'G']);
        if (_socket.Receive(new byte[1]) != 1)
            return "the other did not go on";
        if (BitConverter.ToInt64(_bench.Read(flag, 8)) != tag)
            return "the tag of the held kernel did not arrive";
        if (FindWrongRow(retired, layer) is var row && row >= 0)
            return $"row {row} of the held kernel is not what its batch has";
        if (!live.AsSpan().SequenceEqual(_bench.Read(_pair.Exchange.Space.Address, _pair.Exchange.Layout.Bytes)))
            return "a live window was changed";
        return RunsAlone(1) ? "" : "a step alone had wrong bits afterwards";
    }

    public void Dispose()
    {
        _layers.Dispose();
        _pair.Dispose();
        _socket.Dispose();
    }

    /// <summary>The first row of the other's dispatch that is not as its batch has it, in the order of its tokens; −1 for none.</summary>
    private int FindWrongRow(long window, int layer)
    {
        var layout = _pair.Exchange.Layout;
        var batch = new WindowBatch(_shape, 1, 0);
        var tokens = Enumerable.Range(0, _shape.Tokens).Where(token => batch.Ids.AsSpan(token * Shapes.TopK, Shapes.TopK).ToArray().Any(id => id < _pair.Slots)).ToArray();
        if (BitConverter.ToInt32(_bench.Read(window + layout.MetaOffset(0, layer & 1), 4)) != tokens.Length)
            return tokens.Length;
        var rows = MemoryMarshal.Cast<byte, ushort>(_bench.Read(window + layout.RowsOffset(0, layer & 1), (long)tokens.Length * layout.RowBytes));
        for (var row = 0; row < tokens.Length; row++)
        {
            if (!rows.Slice(row * _shape.Hidden, _shape.Hidden).SequenceEqual(batch.Hidden.AsSpan(tokens[row] * _shape.Hidden, _shape.Hidden)))
                return row;
        }

        return -1;
    }

    private bool RunsAlone(int steps)
    {
        _pair.EnterAlone();
        for (var step = 1; step <= steps; step++)
        {
            _layers.Launch(_epoch + 1, step, 2, TimeSpan.FromSeconds(1));
            _bench.Stream.Synchronize();
            if (!_pair.Exchange.Words.IsDone(_epoch + 1, step, out var failure) || failure is not null || !_layers.Result().AsSpan().SequenceEqual(_alone))
                return false;
        }

        return true;
    }
}
