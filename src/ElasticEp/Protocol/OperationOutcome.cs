namespace ElasticEp.Protocol;

/// <summary>How an operation ended.</summary>
internal sealed record OperationOutcome(string Id, bool IsCompleted, string Reason, OperationFigures Figures, bool HasTimedOut = false)
{
    public ScaleResult ToResult(GroupView view) => new()
    {
        OperationId = Id,
        Outcome = IsCompleted ? ScalePhase.Completed : ScalePhase.Aborted,
        Reason = Reason.Length == 0 ? null : Reason,
        HasTimedOut = HasTimedOut,
        View = view,
        LaunchTime = Figures.Launch,
        TransferTime = Figures.Transfer,
        DrainTime = Figures.Drain,
        SwitchTime = Figures.Switch,
        Pause = Figures.Pause,
        BytesMoved = Figures.BytesMoved,
        BytesLowerBound = Figures.BytesLowerBound,
    };
}
