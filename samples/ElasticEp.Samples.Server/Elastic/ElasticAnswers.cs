namespace ElasticEp.Samples.Server.Elastic;

/// <summary>The answer of a resize. Times are milliseconds.</summary>
internal sealed record ScaleAnswer(
    string Message, string OperationId, long Epoch, IReadOnlyList<int> Ranks, double LaunchMs, double TransferMs, double DrainMs, double SwitchMs, double PauseMs, long BytesMoved, long BytesLowerBound);

/// <summary>Whether the group is being resized, and how far that is.</summary>
internal sealed record ScalingState(
    bool IsScalingElasticEp, int EffectiveEpSize, string ScalePhase, string? OperationId, string? Detail, long BytesMoved, long BytesTotal, double ElapsedMs, string? LastError);

/// <summary>Operations that have ended, the newest first, and the one that runs.</summary>
internal sealed record OperationList(LiveOperation? Running, IReadOnlyList<EndedOperation> Operations);

/// <summary>The operation that runs.</summary>
internal sealed record LiveOperation(string OperationId, string Phase, string Detail, long BytesMoved, long BytesTotal, double ElapsedMs, string Target)
{
    public static LiveOperation? Of(RunningOperation? operation, TimeProvider time) => operation is null
        ? null
        : new LiveOperation(operation.OperationId, operation.Phase!, operation.Detail, operation.BytesMoved, operation.BytesTotal, time.GetElapsedTime(operation.StartedAt).TotalMilliseconds, operation.Target);
}
