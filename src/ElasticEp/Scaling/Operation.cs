using System.Collections.Immutable;
using ElasticEp.Membership;
using ElasticEp.Placement;

namespace ElasticEp.Scaling;

/// <summary>What the coordinator knows of the operation under way.</summary>
internal sealed class Operation(PendingOperation pending, TimeSpan deadline, TimeSpan drainTime, TimeSpan now)
{
    public PendingOperation Pending { get; set; } = pending;

    public string Id => Pending.Id;

    public TimeSpan Deadline { get; } = deadline;

    public TimeSpan DrainTime { get; } = drainTime;

    public OperationStage Stage { get; set; } = OperationStage.Proposing;

    /// <summary>When the present stage began.</summary>
    public TimeSpan Since { get; set; } = now;

    public HashSet<int> Requesters { get; } = [];

    public PlacementPlan? Plan { get; set; }

    public GroupView? Next { get; set; }

    public Dictionary<int, StatusMessage> Statuses { get; } = [];

    public string? AbortReason { get; set; }

    /// <summary>Whether <see cref="AbortReason"/> is the deadline.</summary>
    public bool HasTimedOut { get; set; }

    public OperationFigures Figures { get; set; } = new();

    /// <summary>Everybody who was sent Prepare: the members of both views.</summary>
    public ImmutableArray<int> Participants { get; set; } = [];

    public bool CanAbort => Stage <= OperationStage.Draining;

    public long BytesMoved => Statuses.Values.Sum(status => status.BytesMoved);

    public long BytesTotal => Statuses.Values.Sum(status => status.BytesTotal);

    public ScalePhase Phase => Stage switch
    {
        OperationStage.Proposing or OperationStage.Gathering or OperationStage.Planning => ScalePhase.Proposed,
        OperationStage.Loading or OperationStage.Draining => ScalePhase.Preparing,
        OperationStage.Committing => ScalePhase.Prepared,
        OperationStage.Committed => ScalePhase.Committed,
        OperationStage.Completing => ScalePhase.Completed,
        _ => ScalePhase.Aborted,
    };

    /// <summary>Participants that have not reached a stage under the present next view.</summary>
    public IEnumerable<int> Behind(IEnumerable<int> ranks, PrepareStage stage) => ranks.Where(rank =>
        !Statuses.TryGetValue(rank, out var status) || status.Stage < stage || status.Digest != Next!.Digest);
}
