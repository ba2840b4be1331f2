using ElasticEp.Kernels;
using ElasticEp.Transport;
using ElasticEp.Weights;

namespace ElasticEp.Exchange.Cpu;

/// <summary>
/// One lane of the engine on the processor. Bytes of native memory: one combine region of MaxTokens × k rows; and, growing with
/// use, the rows that go out and those that were routed here. <see cref="ReceiveRegions"/> has the rest.
/// </summary>
internal sealed partial class CpuLane : IExchangeEngineLane, IDisposable
{
    private readonly ExchangeLayout _layout;
    private readonly int _number;
    private readonly int _rank;
    private readonly IExchangeKernels _kernels;
    private readonly Func<EpBuffer, IDisposable> _register;
    private readonly RoutePlan _routes;
    private readonly CpuRows _rows;
    private readonly PackScratch _scratch = new();
    private readonly NativeBuffer _staging = new(); // small rows and sums on their way out
    private readonly NativeBuffer _returned = new(); // rows that came back, at the places that the plan gave them
    private IDisposable? _registration;
    private RowSegments[] _segments = []; // by member
    private SourceRegions?[] _received = []; // by member
    private GroupView _view = GroupView.None;
    private int[] _memberOfRank = [];
    private int _self;
    private int _layer;
    private EpBuffer _hidden; // the app's, while a dispatch is under way
    private EpBuffer _ids; // likewise

    public CpuLane(ExchangeLayout layout, int number, int rank, IExchangeKernels kernels, IExpertSlots slots, Func<EpBuffer, IDisposable> register)
    {
        _layout = layout;
        _number = number;
        _rank = rank;
        _kernels = kernels;
        _register = register;
        _routes = new RoutePlan(layout);
        _rows = new CpuRows(layout, kernels, slots);
    }

    public int Tokens => _routes.Tokens;

    public ReadOnlySpan<int> Returns => _routes.Returns;

    public DispatchedRows Rows => _rows;

    /// <summary>Whether <see cref="Allocate"/> has succeeded.</summary>
    public bool IsAllocated => _registration is not null;

    /// <summary>Before the first view.</summary>
    /// <exception cref="OutOfMemoryException">There is not enough memory.</exception>
    public void Allocate()
    {
        _returned.Reserve(_layout.ReturnedBytes);
        _registration ??= _register(_returned.Slice(0, _layout.ReturnedBytes, _layout.RowType));
    }

    /// <param name="view">The view.</param>
    /// <param name="memberOfRank">Index of each rank's member; −1 for none.</param>
    /// <param name="self">Index of this member.</param>
    /// <param name="received">The regions of each member; null for this one.</param>
    public void Enter(GroupView view, int[] memberOfRank, int self, SourceRegions?[] received)
    {
        (_view, _memberOfRank, _self, _received) = (view, memberOfRank, self, received);
        _segments = [.. received.Select(_ => new RowSegments())];
        _routes.EnterView(view, _rank);
        _rows.EnterView(received.Length);
    }

    public void Route(int layer, int tokens, EpBuffer hidden, EpBuffer topkIds, EpBuffer topkWeights)
    {
        _routes.Fill(layer, tokens, topkIds.AsSpan<int>(), topkWeights.AsSpan<float>(), _memberOfRank);
        (_layer, _hidden, _ids) = (layer, hidden, topkIds);
    }

    public void Group(StepLoad load)
    {
        _rows.Build(_layer, _view.Placement.GetSlots(_layer, _rank), _received.Length, new LaneSources(this, _hidden));
        load.CountDispatched(_layer, _ids.AsSpan<int>());
        for (var group = 0; group < _rows.Groups; group++)
            load.CountReceived(_layer, _rows.CountOf(group));
        (_hidden, _ids) = (default, default);
    }

    public void Combine(EpBuffer output, IMissedTokens missed)
    {
        var region = _returned.Slice(0, _layout.ReturnedBytes, _layout.RowType);
        _kernels.WeightedSum(region, _routes.RowOf, _routes.WeightOf, output, _layout.TopK, _layout.Hidden);
        if (_layout.MayMissExperts)
            NoteMissing(region, output, missed);
    }

    public FrameTarget PlaceDispatch(int member, int layer, int rows)
    {
        var region = _received[member]!.Of(_number, layer);
        region.Place(rows);
        return FrameTarget.Deliver(region.Metadata, region.RowBuffer);
    }

    public FrameTarget PlaceReturn(int member, int rows) =>
        FrameTarget.Deliver(default, _returned.Slice((long)_routes.FirstReturn[member] * _layout.RowBytes, (long)rows * _layout.RowBytes, _layout.RowType));

    public string? FindFault(int member, int layer) => _received[member]!.Of(_number, layer).FindFault(_view.Placement.GetSlots(layer, _rank));

    /// <summary>The description of the rows that a member sent, this one's own too.</summary>
    public ReadOnlySpan<int> MetaOf(int member) => member == _self ? _routes.Destinations[member].Meta : _received[member]!.Of(_number, _layer).Meta;

    /// <summary>The rows that a member sent; this rank's own are taken where the app has them.</summary>
    public EpBuffer RowsOf(int member, EpBuffer hidden) => member == _self ? hidden : _received[member]!.Of(_number, _layer).RowBuffer;

    /// <summary>A remote region has the rows packed; the app's own buffer has one row for each token.</summary>
    public int RowNumber(int member, int row, int token) => member == _self ? token : row;

    public void Dispose()
    {
        _registration?.Dispose();
        _staging.Dispose();
        _returned.Dispose();
        _rows.Free();
    }
}
