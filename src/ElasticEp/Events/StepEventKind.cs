namespace ElasticEp.Events;

/// <summary>The events of the step agreement; they come in every step, so they travel by value.</summary>
internal enum StepEventKind : byte
{
    /// <summary>Not one of these: <see cref="RankEvent.Control"/> says what.</summary>
    None,

    /// <summary>The app waits in RunStepAsync.</summary>
    CallerWaits,

    /// <summary>The app cancelled its wait.</summary>
    CallerCancelled,

    /// <summary>All exchanges of the step are complete here.</summary>
    ExchangesEnded,

    /// <summary>The delegate has returned, and if its attempt was aborted, no write into a region is in progress.</summary>
    DelegateReturned,

    /// <summary>The app has work.</summary>
    WorkNotified,

    /// <summary>A data frame of a later step is parked.</summary>
    FrameParked,

    /// <summary>A peer's StepEnd.</summary>
    StepEnd,

    /// <summary>A peer's wake.</summary>
    Wake,

    /// <summary>Time has passed.</summary>
    Tick,

    /// <summary>The rank is to show that it handles events; no core sees it.</summary>
    Pulse,

    /// <summary>The rank is to write down what it has recorded; no core sees it.</summary>
    DumpWanted,
}
