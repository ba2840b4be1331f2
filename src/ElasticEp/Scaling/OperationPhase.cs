namespace ElasticEp.Scaling;

/// <summary>Where the coordinator stands with an operation. Up to Draining it can be undone; from Committed on only forward.</summary>
internal enum OperationPhase
{
    /// <summary>Being recorded.</summary>
    Proposing,

    /// <summary>Waiting for joiners to register and connect.</summary>
    Gathering,

    /// <summary>Waiting for the placement policy.</summary>
    Planning,

    /// <summary>Waiting until every participant holds the next view.</summary>
    Loading,

    /// <summary>Waiting until the leavers have handed back.</summary>
    Draining,

    /// <summary>The next view is being made durable.</summary>
    Committing,

    /// <summary>Durable; the group switches.</summary>
    Committed,

    /// <summary>Its end is being recorded.</summary>
    Completing,

    /// <summary>Its rollback is being recorded.</summary>
    Aborting,
}
