namespace ElasticEp.Exchange;

/// <summary>One lane: its position in the step, its call, and what it sends.</summary>
internal sealed class ExchangeLane : IRowSender
{
    private readonly RankExchange _owner;
    private int _unsent;

    public ExchangeLane(RankExchange owner, ExchangeLayout layout, int number, ExchangeStep step, IExchangeEngineLane engine)
    {
        _owner = owner;
        Number = number;
        Engine = engine;
        Load = new StepLoad(layout);
        Work = new LaneSend(owner, this);
        Call = new LaneCall(owner, this, step);
        Forward = new LaneForward(owner);
    }

    public int Number { get; }

    public IExchangeEngineLane Engine { get; }

    public LanePosition Position { get; } = new();

    public LanePhase Phase { get; set; }

    public StepLoad Load { get; }

    public LaneCall Call { get; private set; }

    public LaneForward Forward { get; private set; }

    /// <summary>Timestamp at which the call began to wait.</summary>
    public long WaitsSince { get; set; }

    /// <summary>Whether the call waits or had to wait, and nobody has counted it yet.</summary>
    public bool HasWaited { get; set; }

    /// <summary>Timestamp at which the call began.</summary>
    public long CallSince { get; set; }

    /// <summary>Sends that are under way.</summary>
    public int Unsent => Volatile.Read(ref _unsent);

    /// <summary>Work of a device.</summary>
    public LaneSend Work { get; }

    /// <summary>One for each member.</summary>
    public LaneSend[] Sends { get; private set; } = [];

    /// <summary>The app's output while a combine is under way.</summary>
    public EpBuffer Output { get; set; }

    public bool IsReady => Unsent == 0 && (Phase == LanePhase.Dispatching ? Position.MissingDispatches : Position.MissingReturns) == 0;

    public bool IsMissing(int member) =>
        Sends[member].IsPending || (Phase == LanePhase.Dispatching ? Position.IsDispatchMissing(member) : Position.IsReturnMissing(member));

    /// <summary>Not under the exchange's lock: only the call that owns the lane adds sends.</summary>
    public void AddUnsent() => Interlocked.Increment(ref _unsent);

    /// <summary>A send has ended. Under the lock, unless the call that owns the lane has just begun it.</summary>
    public void RemoveUnsent() => Interlocked.Decrement(ref _unsent);

    /// <param name="members">Members of the view.</param>
    /// <param name="self">Index of this one.</param>
    /// <param name="usesFrames">Whether rows travel in frames.</param>
    public void EnterView(int members, int self, bool usesFrames)
    {
        Sends = [.. Enumerable.Range(0, members).Select(_ => new LaneSend(_owner, this))];
        Position.EnterView(members, self, usesFrames);
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

    void IRowSender.Send(int member, int count, EpBuffer metadata, ReadOnlyMemory<EpBuffer> rows)
    {
        (Sends[member].Metadata, Sends[member].Rows) = (metadata, rows);
        _owner.Send(this, member, count);
    }

    void IRowSender.Await(Func<CancellationToken, ValueTask> work) => _owner.Await(this, work);
}
