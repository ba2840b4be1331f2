namespace ElasticEp.Samples.Server.Elastic;

/// <summary>An operation that has ended, as clients see it. Times are milliseconds, <c>Started</c> is unix seconds.</summary>
internal sealed record EndedOperation(
    string OperationId,
    string Outcome,
    string? Reason,
    string Target,
    long Epoch,
    IReadOnlyList<int> Ranks,
    double Started,
    double TotalMs,
    double LaunchMs,
    double TransferMs,
    double DrainMs,
    double SwitchMs,
    double PauseMs,
    long BytesMoved,
    long BytesLowerBound)
{
    public static EndedOperation Of(RunningOperation operation, ScaleResult result, TimeSpan took) => new(
        operation.OperationId,
        $"{result.Outcome}",
        result.Reason,
        operation.Target,
        result.View.Epoch,
        [.. result.View.Members.Select(member => member.Rank)],
        operation.Started.ToUnixTimeMilliseconds() / 1000.0,
        took.TotalMilliseconds,
        result.LaunchTime.TotalMilliseconds,
        result.TransferTime.TotalMilliseconds,
        result.DrainTime.TotalMilliseconds,
        result.SwitchTime.TotalMilliseconds,
        result.Pause.TotalMilliseconds,
        result.BytesMoved,
        result.BytesLowerBound);
}
