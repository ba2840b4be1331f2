namespace ElasticEp.Events;

/// <summary>Everything that can happen to a rank. Drivers post these; the cores decide.</summary>
internal enum RankEventKind : byte
{
    /// <summary>The app waits in RunStepAsync.</summary>
    CallerWaits,

    /// <summary>The app cancelled its wait.</summary>
    CallerGaveUp,

    /// <summary>All exchanges of the step are complete here.</summary>
    ExchangesEnded,

    /// <summary>The delegate has returned, and if its attempt was aborted, no write into a region is in progress.</summary>
    DelegateReturned,

    /// <summary>The app has work.</summary>
    WorkNotified,

    /// <summary>A data frame of a later step waits at the door.</summary>
    FrameWaiting,

    /// <summary>A peer's StepEnd.</summary>
    StepEnd,

    /// <summary>A peer's wake.</summary>
    Wake,

    /// <summary>A protocol message.</summary>
    Message,

    /// <summary>A connection is up.</summary>
    LinkUp,

    /// <summary>A connection has ended.</summary>
    LinkLost,

    /// <summary>A connection could not be made.</summary>
    ConnectFailed,

    /// <summary>A rank is held to be dead: its connection ended and could not be made again in time.</summary>
    RankLost,

    /// <summary>A watch shows the record; only a hint, decisions are made on reads.</summary>
    RecordSeen,

    /// <summary>The record was read.</summary>
    RecordRead,

    /// <summary>A compare-and-set of the record was answered.</summary>
    RecordWritten,

    /// <summary>The store did not answer; the outcome is unknown.</summary>
    RecordUnknown,

    /// <summary>The store holds a record that cannot be read; the payload says why.</summary>
    RecordUnreadable,

    /// <summary>A rank has registered in the store.</summary>
    RankRegistered,

    /// <summary>A rank's registration has gone.</summary>
    RankUnregistered,

    /// <summary>The placement policy answered.</summary>
    Planned,

    /// <summary>All weights of the next view are here, and the rank is warm.</summary>
    Loaded,

    /// <summary>They could not be had.</summary>
    LoadFailed,

    /// <summary>Some more weights have arrived.</summary>
    LoadProgress,

    /// <summary>The app has handed back its requests.</summary>
    Drained,

    /// <summary>The app's leave hook failed.</summary>
    DrainFailed,

    /// <summary>A hook of the workload begins; the payload is its name.</summary>
    HookEntered,

    /// <summary>It has returned, or thrown.</summary>
    HookReturned,

    /// <summary>Load and Drain are undone.</summary>
    RolledBack,

    /// <summary>A rollback could not be finished: the rank's weights cannot be trusted any more.</summary>
    RollbackFailed,

    /// <summary>The store does not know the group any more.</summary>
    GroupForgotten,

    /// <summary>This process asks the peer, which coordinates, for an operation.</summary>
    Asked,

    /// <summary>Time has passed.</summary>
    Tick,

    /// <summary>This rank starts the birth of the group.</summary>
    BirthWanted,
}
