using ElasticEp.Kernels;
using ElasticEp.Weights;

namespace ElasticEp.Exchange;

/// <summary>
/// One lane: its position in the step, its receive regions and its buffers. A source is at most one dispatch ahead, so two
/// regions per source, chosen by the parity of the layer, are enough.
/// </summary>
internal sealed class ExchangeLane(ExchangeLayout layout, int number, IExchangeKernels kernels, IExpertSlots slots) : IDisposable
{
    private ReceivedDispatch[][] _received = [];
    private bool[] _isReturned = [];

    public int Number => number;

    public RoutePlan Routes { get; } = new(layout);

    public LaneRows Rows { get; } = new(layout, number, kernels, slots);

    public LaneWait Wait { get; } = new();

    /// <summary>Whether the wait, if there is one, is for combine frames.</summary>
    public bool WaitsForCombine { get; set; }

    public ITimer? Timer { get; set; }

    /// <summary>Layers dispatched in this step.</summary>
    public int Dispatched { get; set; }

    /// <summary>Layers combined in this step.</summary>
    public int Combined { get; set; }

    /// <summary>Rows on their way out.</summary>
    public NativeBuffer Staging { get; } = new();

    /// <summary>Rows that came back: one for each (token, position), placed by the order of dispatch.</summary>
    public NativeBuffer Returned { get; } = new();

    public ValueTask[] Sends { get; private set; } = [];

    public ReadOnlyMemory<EpBuffer>[] Segments { get; private set; } = [];

    /// <summary>Scratch for packing: row numbers and, when pre-reducing, weights.</summary>
    public int[] Numbers { get; private set; } = [];

    public int[] Identity { get; private set; } = [];

    public float[] Factors { get; private set; } = [];

    public ReceivedDispatch Received(int source, int layer) => _received[source][layer & 1];

    public void EnterView(int members)
    {
        foreach (var source in _received)
        {
            foreach (var region in source)
                region.Dispose();
        }

        _received = [.. Enumerable.Range(0, members).Select(_ => new[] { new ReceivedDispatch(layout), new ReceivedDispatch(layout) })];
        _isReturned = new bool[members];
        Sends = new ValueTask[members];
        Segments = [.. Enumerable.Range(0, members).Select(_ => (ReadOnlyMemory<EpBuffer>)new EpBuffer[2])];
        Routes.EnterView(members);
        Rows.EnterView(members);
        if (members > 0)
            Returned.Reserve((long)layout.MaxTokens * layout.TopK * layout.RowBytes);
    }

    public void BeginStep()
    {
        (Dispatched, Combined, Rows.IsOut) = (0, 0, false);
        foreach (var source in _received)
        {
            foreach (var region in source)
                region.Clear();
        }
    }

    public void BeginLayer() => _isReturned.AsSpan().Clear();

    public bool IsReturned(int source) => _isReturned[source];

    public void MarkReturned(int source) => _isReturned[source] = true;

    public bool HasDispatch(int source, int layer) => Received(source, layer) is { IsComplete: true } region && region.Layer == layer;

    public bool HasReturns(int source) => _isReturned[source] || Routes.Destinations[source].Returns == 0;

    public void ReserveNumbers(int count)
    {
        if (Numbers.Length >= count)
            return;
        Numbers = new int[count * 3 / 2];
        Factors = new float[count * 3 / 2];
        Identity = [.. Enumerable.Range(0, count * 3 / 2)];
    }

    public void Dispose()
    {
        EnterView(0);
        Staging.Dispose();
        Returned.Dispose();
        Rows.Free();
        Timer?.Dispose();
    }
}
