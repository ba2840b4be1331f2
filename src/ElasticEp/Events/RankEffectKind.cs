namespace ElasticEp.Events;

/// <summary>Everything that a core can ask its driver to start. Completion, where there is one, comes back as an event.</summary>
internal enum RankEffectKind : byte
{
    /// <summary>Send StepEnd to all other members of the view in the payload.</summary>
    SendStepEnd,

    /// <summary>Send Wake to all other members of the view in the payload.</summary>
    SendWake,

    /// <summary>Call the app's delegate → ExchangesEnded, DelegateReturned.</summary>
    RunDelegate,

    /// <summary>Cancel the delegate and its exchanges → DelegateReturned.</summary>
    AbortAttempt,

    /// <summary>Throw away data frames up to an epoch, those that wait too: no attempt of it will complete.</summary>
    Fence,

    /// <summary>Close the exchanges of the step; keep nothing open.</summary>
    CloseStep,

    /// <summary>Use the view in the payload from the next step on.</summary>
    EnterView,

    /// <summary>The first step of the view is complete everywhere: slots of the old view may be used again.</summary>
    SettleView,

    /// <summary>RunStepAsync returns: flag, or throws the payload.</summary>
    ReturnToCaller,

    /// <summary>Send a protocol message.</summary>
    Send,

    /// <summary>Connect to a peer → LinkUp or ConnectFailed.</summary>
    Connect,

    /// <summary>Say goodbye to a peer.</summary>
    Disconnect,

    /// <summary>Cut the link to a peer that broke the protocol; the payload says how.</summary>
    AbortLink,

    /// <summary>Get the weights of a next view and warm up → Loaded or LoadFailed, LoadProgress.</summary>
    Load,

    /// <summary>Undo Load and Drain → RolledBack, or RollbackFailed.</summary>
    Rollback,

    /// <summary>Let the app hand back its requests → Drained or DrainFailed.</summary>
    Drain,

    /// <summary>Read the record → RecordRead or RecordUnknown.</summary>
    ReadRecord,

    /// <summary>Compare-and-set the record → RecordWritten or RecordUnknown.</summary>
    WriteRecord,

    /// <summary>Send ExpertLoad to a peer, or to this rank itself: what it dispatched since it told so last, up to the step.</summary>
    ReportLoad,

    /// <summary>The load of the whole group is known again; the payload says how evenly it falls.</summary>
    ShowBalance,

    /// <summary>Ask the placement policy → Planned.</summary>
    Plan,

    /// <summary>Report registrations of ranks from now on → RankRegistered, RankUnregistered.</summary>
    WatchRanks,

    /// <summary>An answer or a report for a request of this process itself.</summary>
    Tell,

    /// <summary>This rank cannot go on; the payload says why.</summary>
    Fail,
}
