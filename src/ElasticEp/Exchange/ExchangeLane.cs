using ElasticEp.Kernels;
using ElasticEp.Weights;

namespace ElasticEp.Exchange;

/// <summary>
/// One lane: its position in the step, its receive regions and its buffers. Bytes of native memory: for each other member two
/// regions of a whole dispatch; one combine region of MaxTokens × k rows; and, growing with use, the rows that go out and those
/// that were routed here.
/// </summary>
internal sealed class ExchangeLane : IDisposable
{
    private readonly ExchangeLayout _layout;
    private readonly RankExchange _owner;
    private readonly ReceivedDispatch[]?[] _receivedFrom; // by rank, so that a member's regions outlive the view
    private ReceivedDispatch[]?[] _received = []; // by member

    public ExchangeLane(RankExchange owner, ExchangeLayout layout, int number, ExchangeStep step, IExchangeKernels kernels, IExpertSlots slots)
    {
        (_owner, _layout, Number) = (owner, layout, number);
        _receivedFrom = new ReceivedDispatch[]?[layout.MaxRanks];
        (Routes, Load) = (new RoutePlan(layout), new StepLoad(layout));
        Rows = new LaneRows(layout, number, kernels, slots);
        (Call, Forward) = (new LaneCall(owner, this, step), new LaneForward(owner));
    }

    public int Number { get; }

    public LanePosition Position { get; } = new();

    public LanePhase Phase { get; set; }

    public RoutePlan Routes { get; }

    public LaneRows Rows { get; }

    public StepLoad Load { get; }

    public LaneCall Call { get; private set; }

    public LaneForward Forward { get; private set; }

    /// <summary>Timestamp at which the call began to wait.</summary>
    public long WaitsSince { get; set; }

    /// <summary>Whether the call had to wait, and nobody has counted it yet.</summary>
    public bool HasWaited { get; set; }

    /// <summary>Timestamp at which the call began.</summary>
    public long CallSince { get; set; }

    /// <summary>Sends that are under way.</summary>
    public int Unsent { get; set; }

    public LaneSend[] Sends { get; private set; } = [];

    /// <summary>The app's rows while a dispatch is under way.</summary>
    public EpBuffer Hidden { get; set; }

    /// <summary>The app's expert ids while a dispatch is under way.</summary>
    public EpBuffer Ids { get; set; }

    /// <summary>The app's output while a combine is under way.</summary>
    public EpBuffer Output { get; set; }

    /// <summary>Rows on their way out.</summary>
    public NativeBuffer Staging { get; } = new();

    /// <summary>Rows that came back, at the places that <see cref="RoutePlan"/> gave them.</summary>
    public NativeBuffer Returned { get; } = new();

    public PackScratch Scratch { get; } = new();

    public bool IsReady => Unsent == 0 && (Phase == LanePhase.Dispatching ? Position.MissingDispatches : Position.MissingReturns) == 0;

    public ReceivedDispatch Received(int member, int layer) => _received[member]![layer & 1];

    public bool IsMissing(int member) =>
        Sends[member].IsPending || (Phase == LanePhase.Dispatching ? Position.IsDispatchMissing(member) : Position.IsReturnMissing(member));

    /// <summary>Keeps the regions of ranks that stay, makes those of ranks that come, frees those of ranks that left.</summary>
    public void EnterView(ReadOnlySpan<int> ranks, int self)
    {
        for (var rank = 0; rank < _receivedFrom.Length; rank++)
        {
            var member = ranks.BinarySearch(rank);
            if (member >= 0 && member != self)
                _receivedFrom[rank] ??= [new ReceivedDispatch(_layout), new ReceivedDispatch(_layout)];
            else
                Free(rank);
        }

        _received = new ReceivedDispatch[]?[ranks.Length];
        for (var member = 0; member < ranks.Length; member++)
            _received[member] = _receivedFrom[ranks[member]];
        Sends = [.. Enumerable.Range(0, ranks.Length).Select(_ => new LaneSend(_owner, this))];
        Position.EnterView(ranks.Length, self);
        Routes.EnterView(ranks.Length);
        Rows.EnterView(ranks.Length);
        Returned.Reserve(_layout.ReturnedBytes);
        Phase = LanePhase.Ready;
    }

    public void BeginStep()
    {
        Phase = LanePhase.Ready;
        Position.BeginStep();
        Load.Clear();
    }

    /// <summary>Calls of an attempt that failed may still hold the old objects.</summary>
    public void UseStep(ExchangeStep step) => (Call, Forward) = (new LaneCall(_owner, this, step), new LaneForward(_owner));

    public void Dispose()
    {
        for (var rank = 0; rank < _receivedFrom.Length; rank++)
            Free(rank);
        Staging.Dispose();
        Returned.Dispose();
        Rows.Free();
    }

    private void Free(int rank)
    {
        foreach (var region in _receivedFrom[rank] ?? [])
            region.Dispose();
        _receivedFrom[rank] = null;
    }
}
