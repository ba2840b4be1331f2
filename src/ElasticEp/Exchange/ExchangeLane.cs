using ElasticEp.Kernels;
using ElasticEp.Weights;

namespace ElasticEp.Exchange;

/// <summary>
/// One lane: its position in the step and its buffers. Bytes of native memory: one combine region of MaxTokens × k rows; and, growing with
/// use, the rows that go out and those that were routed here. <see cref="ReceiveRegions"/> has the rest.
/// </summary>
internal sealed class ExchangeLane : IDisposable
{
    private readonly ExchangeLayout _layout;
    private readonly RankExchange _owner;
    private SourceRegions?[] _received = []; // by member

    public ExchangeLane(RankExchange owner, ExchangeLayout layout, int number, ExchangeStep step, IExchangeKernels kernels, IExpertSlots slots)
    {
        (_owner, _layout, Number) = (owner, layout, number);
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

    public ReceivedDispatch Received(int member, int layer) => _received[member]!.Of(Number, layer);

    public bool IsMissing(int member) =>
        Sends[member].IsPending || (Phase == LanePhase.Dispatching ? Position.IsDispatchMissing(member) : Position.IsReturnMissing(member));

    /// <summary>Whether <see cref="Allocate"/> has succeeded.</summary>
    public bool IsAllocated => Returned.ByteLength >= _layout.ReturnedBytes;

    /// <summary>Before the first view.</summary>
    /// <exception cref="OutOfMemoryException">There is not enough memory.</exception>
    public void Allocate() => Returned.Reserve(_layout.ReturnedBytes);

    /// <param name="received">The regions of each member; null for this one.</param>
    /// <param name="self">Index of this member.</param>
    public void EnterView(SourceRegions?[] received, int self)
    {
        _received = received;
        Sends = [.. received.Select(_ => new LaneSend(_owner, this))];
        Position.EnterView(received.Length, self);
        Routes.EnterView(received.Length);
        Rows.EnterView(received.Length);
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
        Staging.Dispose();
        Returned.Dispose();
        Rows.Free();
    }
}
