namespace ElasticEp.Scaling;

/// <summary>Where the coordinator stands with an operation. It can be rolled back until the view with the other members is being made durable.</summary>
internal enum OperationPhase
{
    /// <summary>Being recorded.</summary>
    Proposing,

    /// <summary>Waiting for joiners to register and connect, and for the experts' load.</summary>
    Gathering,

    /// <summary>Waiting for the placement policy.</summary>
    Planning,

    /// <summary>Waiting until the view in use is Completed, then until every participant holds the next one.</summary>
    Preparing,

    /// <summary>Waiting until the leavers have returned their requests to the queue.</summary>
    Draining,

    /// <summary>The next view is being made durable.</summary>
    Committing,

    /// <summary>Durable; the group switches.</summary>
    Committed,

    /// <summary>The view in use is being recorded as Completed; the plan has another one.</summary>
    Advancing,

    /// <summary>Its end is being recorded.</summary>
    Completing,

    /// <summary>Its rollback is being recorded.</summary>
    Aborting,
}
