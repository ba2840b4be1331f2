namespace ElasticEp.Events;

/// <summary>One event of a rank: one of the step agreement's by value, or a <see cref="ControlEvent"/>. Drivers post them; the cores decide.</summary>
internal readonly record struct RankEvent
{
    /// <summary>Which event of the step agreement; None for a control event.</summary>
    public StepEventKind Kind { get; private init; }

    /// <summary>Any other event.</summary>
    public ControlEvent? Control { get; private init; }

    /// <summary>Who sent a StepEnd or Wake.</summary>
    public MemberId Peer { get; private init; }

    /// <summary>Epoch under which the event happened.</summary>
    public long Epoch { get; private init; }

    /// <summary>The step that ended, or that is to be run.</summary>
    public long Step { get; private init; }

    /// <summary>StepEnd: the sender has more work.</summary>
    public bool HasWork { get; private init; }

    /// <summary>StepEnd of the coordinator: epoch of the view that is used from the next step on; zero for none.</summary>
    public long NextEpoch { get; private init; }

    /// <summary>StepEnd of the coordinator: digest of that view.</summary>
    public ulong NextDigest { get; private init; }

    /// <summary>DelegateReturned: what it threw.</summary>
    public Exception? Failure { get; private init; }

    /// <summary>DelegateReturned: whether the app itself failed, not only an exchange under it.</summary>
    public bool IsOwnFailure { get; private init; }

    /// <summary>Tick: for how long this rank has handled nothing that comes through the thread pool.</summary>
    public TimeSpan Lag { get; private init; }

    /// <summary>What it is, for traces and coverage.</summary>
    public string Name => Control is null ? Kind.ToString() : Control.GetType().Name;

    public static RankEvent CallerWaits => new() { Kind = StepEventKind.CallerWaits };

    public static RankEvent CallerCancelled => new() { Kind = StepEventKind.CallerCancelled };

    public static RankEvent WorkNotified => new() { Kind = StepEventKind.WorkNotified };

    public static RankEvent Tick => TickAfter(TimeSpan.Zero);

    public static RankEvent TickAfter(TimeSpan lag) => new() { Kind = StepEventKind.Tick, Lag = lag };

    public static RankEvent Pulse => new() { Kind = StepEventKind.Pulse };

    public static RankEvent DumpWanted => new() { Kind = StepEventKind.DumpWanted };

    public static RankEvent ExchangesEnded => new() { Kind = StepEventKind.ExchangesEnded };

    public static RankEvent DelegateReturned(long epoch, long step, Exception? failure = null, bool isOwn = false) =>
        new() { Kind = StepEventKind.DelegateReturned, Epoch = epoch, Step = step, Failure = failure, IsOwnFailure = isOwn };

    public static RankEvent FrameParked(long epoch, long step) => new() { Kind = StepEventKind.FrameParked, Epoch = epoch, Step = step };

    public static RankEvent Wake(MemberId peer, long epoch, long step) => new() { Kind = StepEventKind.Wake, Peer = peer, Epoch = epoch, Step = step };

    public static RankEvent StepEnd(MemberId peer, long epoch, long step, bool hasWork = false, long nextEpoch = 0, ulong nextDigest = 0) =>
        new() { Kind = StepEventKind.StepEnd, Peer = peer, Epoch = epoch, Step = step, HasWork = hasWork, NextEpoch = nextEpoch, NextDigest = nextDigest };

    /// <summary>The same with another failure.</summary>
    public RankEvent WithFailure(Exception failure) => this with { Failure = failure };

    public static implicit operator RankEvent(ControlEvent control) => new() { Control = control };
}
