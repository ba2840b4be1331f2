using System.Collections.Immutable;

namespace ElasticEp.Protocol;

/// <summary>A request for an operation, on its way to the coordinator.</summary>
/// <param name="Id">Id of the operation: the same id is the same operation.</param>
/// <param name="Kind">What for.</param>
internal sealed record OperationRequest(string Id, OperationKind Kind)
{
    /// <summary>Most characters of an id.</summary>
    public const int MaxIdLength = 128;

    /// <summary>How ids of the group's own operations begin; no other does.</summary>
    public const char OwnPrefix = '@';

    /// <summary>Id of the group's first operation.</summary>
    public const string BirthId = "@birth";

    /// <summary>
    /// Which call this is, of all in all processes: a later call with the same id is the same operation, but what became of this one, a
    /// refusal or a cancel, does not concern it.
    /// </summary>
    public long Call { get; init; }

    /// <summary>
    /// How many requested operations had ended when this call was sent first. A coordinator that no longer knows all outcomes since then
    /// cannot tell whether this one has run, and refuses it.
    /// </summary>
    public long EndedBefore { get; init; }

    /// <summary>How many members are wanted; null when another property names them.</summary>
    public int? Size { get; init; }

    /// <summary>The ranks of the next view; null when another property names them.</summary>
    public ImmutableArray<int>? Ranks { get; init; }

    /// <summary>The ranks that are to leave; null when another property names the members.</summary>
    public ImmutableArray<int>? Remove { get; init; }

    /// <summary>Leave: the process that leaves; a later one of its rank stays.</summary>
    public MemberId? Leaver { get; init; }

    /// <summary>Time after which the operation is rolled back if it is not committed; null for the option's.</summary>
    public TimeSpan? Deadline { get; init; }

    /// <summary>Time that leavers let their requests finish; null for the option's.</summary>
    public TimeSpan? DrainTime { get; init; }

    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.InvalidArgument"/>: the id or a duration is impossible.</exception>
    public static OperationRequest From(ScaleRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (string.IsNullOrWhiteSpace(request.OperationId) || request.OperationId.Length > MaxIdLength)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"OperationId must have 1 to {MaxIdLength} characters.");
        if (request.OperationId.StartsWith(OwnPrefix))
            throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"OperationId '{request.OperationId}' begins with '{OwnPrefix}', as only ids of the group's own operations do; choose one that begins otherwise.");
        if (IsOutOfBounds(request.Deadline, TimeSpan.FromTicks(1)))
            throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"Deadline is {request.Deadline}; it must be positive and at most {ElasticEpOptions.LongestTime.TotalDays} days.");
        if (IsOutOfBounds(request.DrainTime, TimeSpan.Zero))
            throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"DrainTime is {request.DrainTime}; it must not be negative, and at most {ElasticEpOptions.LongestTime.TotalDays} days.");
        return new OperationRequest(request.OperationId, OperationKind.Scale)
        {
            Size = request.Size,
            Ranks = request.Ranks is { } ranks ? [.. ranks] : null,
            Remove = request.Remove is { } remove ? [.. remove] : null,
            Deadline = request.Deadline,
            DrainTime = request.DrainTime,
        };
    }

    /// <summary>What is wrong with a request that another process has sent; null when nothing is.</summary>
    public string? Violation => this switch
    {
        { Kind: OperationKind.Birth or OperationKind.Repair } => $"a {Kind}, which the group begins itself",
        { Id.Length: 0 or > MaxIdLength } => $"an operation whose id does not have 1 to {MaxIdLength} characters",
        { Kind: OperationKind.Leave } when Remove is not [var rank] || Leaver?.Rank != rank => "a leave that does not name one process and its rank",
        _ when IsOutOfBounds(Deadline, TimeSpan.FromTicks(1)) => $"a deadline of {Deadline}",
        _ when IsOutOfBounds(DrainTime, TimeSpan.Zero) => $"a drain time of {DrainTime}",
        _ => null,
    };

    /// <summary>A rank whose host stops leaves the group.</summary>
    public static OperationRequest Leave(MemberId member) => new($"leave-{member.Rank}-{Guid.NewGuid():N}", OperationKind.Leave) { Remove = [member.Rank], Leaver = member };

    public static OperationRequest Stop() => new($"stop-{Guid.NewGuid():N}", OperationKind.Stop);

    private static bool IsOutOfBounds(TimeSpan? time, TimeSpan least) => time < least || time > ElasticEpOptions.LongestTime;
}
