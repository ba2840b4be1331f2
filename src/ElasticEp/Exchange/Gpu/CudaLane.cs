using ElasticEp.Cuda;
using ElasticEp.Cuda.Kernels;
using ElasticEp.Cuda.Windows;
using ElasticEp.Transport;
using ElasticEp.Weights;

namespace ElasticEp.Exchange.Gpu;

/// <summary>
/// One lane on a GPU. A dispatch puts sending and receiving on the lane's stream, and a return sending and summing; the lane's call waits for
/// the stream, twice a layer, and reads in page-locked memory what came.
/// </summary>
internal sealed class CudaLane : IExchangeEngineLane, IDisposable
{
    private const int StatusBytes = 64;

    private readonly CudaEngine _engine;
    private readonly ExchangeLayout _layout;
    private readonly WindowShape _shape;
    private readonly WindowLane _kernels;
    private readonly WindowBuffers _buffers;
    private readonly GrowingMemory _rows;
    private readonly GrowingMemory _outputs;
    private readonly CudaMemory _host; // status, offsets, ids
    private readonly StreamWaiter _waiter;
    private readonly CudaRows _grouped;
    private readonly int[] _returns; // nothing comes in frames
    private readonly int _number;
    private long _attempt;
    private int _layer;
    private EpBuffer _hidden; // the app's, until the call ends
    private EpBuffer _ids;
    private EpBuffer _weights;

    public CudaLane(CudaEngine engine, WindowExchange exchange, ExchangeLayout layout, int number, IExpertSlots slots)
    {
        _engine = engine;
        _layout = layout;
        _shape = exchange.Layout.Shape;
        _number = number;
        _buffers = exchange.Buffers;
        _returns = new int[layout.MaxRanks];
        Stream = engine.Device.CreateStream();
        var partBytes = (long)layout.MaxTokens * layout.TopK * layout.RowBytes;
        _rows = new GrowingMemory(engine.Device, partBytes, layout.MaxRanks, $"rows that arrive on lane {number}");
        _outputs = new GrowingMemory(engine.Device, partBytes, layout.MaxRanks, $"outputs of experts on lane {number}");
        _host = engine.Device.AllocatePinned(StatusBytes + OffsetBytes + ((long)layout.MaxTokens * layout.TopK * sizeof(int)));
        _kernels = exchange.Lane(number, Stream);
        _waiter = new StreamWaiter(Stream, $"ElasticEp lane {number} of GPU {engine.Device.Ordinal}");
        _grouped = new CudaRows(layout, slots, this);
    }

    public CudaStream Stream { get; }

    public int Tokens { get; private set; }

    public ReadOnlySpan<int> Returns => _returns;

    public DispatchedRows Rows => _grouped;

    private long OffsetBytes => (_shape.SlotsPerRank + 1L) * sizeof(int);

    private EpBuffer Host => _host.AsBuffer(ElementType.Byte);

    /// <summary>Has room for what so many members send.</summary>
    public void Grow(int members)
    {
        _rows.Grow(members);
        _outputs.Grow(members);
    }

    public EpBuffer RowsOf(int count) => _engine.Buffer(_rows.Address, (long)count * _layout.RowBytes, _layout.RowType);

    public EpBuffer OutputsOf(int count) => _engine.Buffer(_outputs.Address, (long)count * _layout.RowBytes, _layout.RowType);

    public EpBuffer OffsetsOf(int slots) => _engine.Buffer(_buffers.Offsets(_number), (slots + 1L) * sizeof(int), ElementType.Int32);

    public EpBuffer ExpertsOf(int layer, int slots) => _engine.ExpertsOf(layer, slots);

    public void Route(int layer, int tokens, EpBuffer hidden, EpBuffer topkIds, EpBuffer topkWeights)
    {
        var attempt = _engine.BeginWork();
        if (attempt != _attempt)
        {
            _attempt = attempt;
            Stream.Wait(_engine.HasBegun);
            _kernels.Begin();
        }

        _layer = layer;
        Tokens = tokens;
        _hidden = hidden;
        _ids = topkIds;
        _weights = topkWeights;
    }

    public void Dispatch(IRowSender sender) => sender.Await(cancellation => RunAsync(EnqueueDispatch, cancellation));

    public void Group(StepLoad load)
    {
        var experts = _engine.SlotsOf(_layer);
        _grouped.Fill(_layer, experts, Host.SliceBytes(StatusBytes, OffsetBytes).Cast(ElementType.Int32).AsSpan<int>());
        load.CountDispatched(_layer, HostIds.AsSpan<int>());
        for (var group = 0; group < _grouped.Groups; group++)
            load.CountReceived(_layer, _grouped.CountOf(group));
    }

    public void Return(EpBuffer expertOutput, EpBuffer output, IRowSender sender) => sender.Await(cancellation => RunAsync(() => EnqueueReturn(expertOutput, output), cancellation));

    public void Combine(EpBuffer output, IMissedTokens missed)
    {
        // The sums are there since Return's work has ended.
    }

    public FrameTarget PlaceDispatch(int member, int layer, int rows) => throw NoFrames();

    public FrameTarget PlaceReturn(int member, int rows) => throw NoFrames();

    public string? FindFault(int member, int layer) => throw NoFrames();

    public void Dispose()
    {
        _waiter.Dispose();
        Stream.Dispose();
        _host.Dispose();
        _outputs.Dispose();
        _rows.Dispose();
    }

    private EpBuffer HostIds => Host.SliceBytes(StatusBytes + OffsetBytes, (long)Tokens * _layout.TopK * sizeof(int)).Cast(ElementType.Int32);

    private static InvalidOperationException NoFrames() => new("Rows travel through windows, not in frames.");

    private void EnqueueDispatch()
    {
        Stream.Write(_buffers.Control + ExchangeControl.Tokens + (_number * sizeof(int)), Tokens);
        _kernels.Dispatch(_layer, Math.Max(1, Tokens), _hidden.Pointer, _ids.Pointer, _weights.Pointer);
        _kernels.Receive(_layer, _engine.MostRows(Tokens), _rows.Address);
        Stream.Copy(OffsetsOf(_shape.SlotsPerRank).Cast(ElementType.Byte), Host.SliceBytes(StatusBytes, OffsetBytes));
        if (Tokens > 0)
            Stream.Copy(_ids.Cast(ElementType.Byte), HostIds.Cast(ElementType.Byte));
        CopyStatus();
    }

    private void EnqueueReturn(EpBuffer expertOutput, EpBuffer output)
    {
        var most = Math.Max(1, (_grouped.Count + _layout.TopK - 1) / _layout.TopK);
        _kernels.Return(_layer, most, expertOutput.Pointer);
        _kernels.Combine(_layer, Math.Max(1, Tokens), _weights.Pointer, output.Pointer);
        CopyStatus();
    }

    private void CopyStatus() => Stream.Copy(_engine.Buffer(_buffers.Control + ExchangeControl.Status, sizeof(long), ElementType.Byte), Host.SliceBytes(0, sizeof(long)));

    /// <summary>Puts work on the stream and waits for it; when the attempt ends before, its kernels do too.</summary>
    private async ValueTask RunAsync(Action enqueue, CancellationToken cancellation)
    {
        var epoch = _engine.Epoch;
        try
        {
            enqueue();
        }
        finally
        {
            using (cancellation.UnsafeRegister(_ => _engine.EndKernels(epoch), null))
                await _waiter.WaitAsync().ConfigureAwait(false); // also where something could not be put on it: the rest uses the app's memory
        }

        if (WindowFailure.Of(Host.SliceBytes(0, sizeof(long)).AsSpan<long>()[0]) is { } failure)
            throw _engine.ErrorOf(failure, ReadEntry(failure));
    }

    /// <summary>The id and weight of a wrong entry, if it is this lane's.</summary>
    private (int Id, float Weight)? ReadEntry(WindowFailure failure)
    {
        var entry = failure.Detail / 4;
        if (failure.Kind != ExchangeFailure.Entry || failure.Layer != _layer || entry >= (long)Tokens * _layout.TopK)
            return null;
        Stream.Copy(_weights.SliceBytes(entry * sizeof(float), sizeof(float)).Cast(ElementType.Byte), Host.SliceBytes(sizeof(long), sizeof(float)));
        Stream.Synchronize();
        return (HostIds.AsSpan<int>()[(int)entry], Host.SliceBytes(sizeof(long), sizeof(float)).AsSpan<float>()[0]);
    }
}
