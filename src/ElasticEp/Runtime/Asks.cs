using ElasticEp.Membership;

namespace ElasticEp.Runtime;

/// <summary>Turns a public request into what travels.</summary>
internal static class Asks
{
    public static ScaleAsk From(ScaleRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (string.IsNullOrWhiteSpace(request.OperationId) || request.OperationId.Length > 128)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, "OperationId must have 1 to 128 characters.");
        if (request.Deadline is { } deadline && deadline <= TimeSpan.Zero)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"Deadline is {deadline}; it must be positive.");
        if (request.DrainTime is { } drain && drain < TimeSpan.Zero)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"DrainTime is {drain}; it must not be negative.");
        return new ScaleAsk(request.OperationId, OperationKind.Scale)
        {
            Size = request.Size,
            Ranks = request.Ranks is { } ranks ? [.. ranks] : null,
            Remove = request.Remove is { } remove ? [.. remove] : null,
            Deadline = request.Deadline,
            DrainTime = request.DrainTime,
        };
    }

    public static ScaleAsk Leave(int rank) => new($"leave-{rank}-{Guid.NewGuid():N}", OperationKind.Leave) { Remove = [rank] };

    public static ScaleAsk Stop() => new($"stop-{Guid.NewGuid():N}", OperationKind.Stop);
}
