using System.Collections.Immutable;
using ElasticEp.Placement;
using ElasticEp.Protocol;

namespace ElasticEp.Scaling;

/// <summary>What the coordinator knows of the operation under way.</summary>
internal sealed class Operation(PendingOperation pending, TimeSpan deadline, TimeSpan drainTime, TimeSpan now)
{
    private int _memberStage;
    private long _movedBefore;

    public PendingOperation Pending { get; set; } = pending;

    public string Id => Pending.Id;

    public TimeSpan Deadline { get; } = deadline;

    public TimeSpan DrainTime { get; } = drainTime;

    public OperationPhase Stage { get; set; } = OperationPhase.Proposing;

    /// <summary>When the present stage began.</summary>
    public TimeSpan Since { get; set; } = now;

    public HashSet<int> Requesters { get; } = [];

    public PlacementPlan? Plan { get; private set; }

    /// <summary>Which of the plan's views is being prepared, or was committed last.</summary>
    public int PlanStage { get; private set; }

    public PlacementStage PlacementStage => Plan!.Stages[PlanStage];

    public bool HasMoreStages => PlanStage + 1 < (Plan?.Stages.Count ?? 0);

    /// <summary>Whether this stage's view has the members that were asked for. A plan that changes none has them with its last stage.</summary>
    public bool HasTargetMembers => PlanStage >= _memberStage;

    /// <summary>Whether joiners enter and leavers leave with this stage's view.</summary>
    public bool ChangesMembers => PlanStage == _memberStage;

    public GroupView? Next { get; set; }

    /// <summary>Members that have told their load for this operation.</summary>
    public HashSet<int> HasToldLoad { get; } = [];

    public Dictionary<int, PreparationMessage> Statuses { get; } = [];

    public string? AbortReason { get; set; }

    /// <summary>Whether <see cref="AbortReason"/> is the deadline.</summary>
    public bool HasTimedOut { get; set; }

    public OperationFigures Figures { get; set; } = new();

    /// <summary>Everybody who was sent Prepare: the members of both views.</summary>
    public ImmutableArray<int> Participants { get; set; } = [];

    /// <summary>Whether there is still something to give up: all of it, or the stages after the members have changed.</summary>
    public bool CanAbort => Stage <= OperationPhase.Draining || (Stage <= OperationPhase.Committed && (!Pending.IsCommitted || HasMoreStages));

    public long BytesMoved => _movedBefore + Statuses.Values.Sum(status => status.BytesMoved);

    public long BytesTotal => Statuses.Values.Sum(status => status.BytesTotal);

    public ScalePhase Phase => Stage switch
    {
        OperationPhase.Proposing or OperationPhase.Gathering or OperationPhase.Planning => ScalePhase.Proposed,
        OperationPhase.Loading or OperationPhase.Draining => Pending.IsCommitted ? ScalePhase.Committed : ScalePhase.Preparing,
        OperationPhase.Committing or OperationPhase.Committed when !Pending.IsCommitted => ScalePhase.Preparing,
        OperationPhase.Committing => ScalePhase.Prepared,
        OperationPhase.Committed => ScalePhase.Committed,
        OperationPhase.Completing => ScalePhase.Completed,
        _ => ScalePhase.Aborted,
    };

    public void UsePlan(PlacementPlan plan)
    {
        Plan = plan;
        _memberStage = plan.Stages.Count - 1;
        if (Pending.Joiners.IsEmpty && Pending.Leavers.IsEmpty)
            return;
        while (_memberStage > 0 && plan.Stages[_memberStage - 1].Placement.Ranks.SequenceEqual(Pending.Target.AsSpan()))
            _memberStage--;
    }

    public void MoveToNextStage()
    {
        _movedBefore = BytesMoved;
        Statuses.Clear();
        PlanStage++;
    }

    /// <summary>Participants that have not reached a stage under the present next view.</summary>
    public IEnumerable<int> Behind(IEnumerable<int> ranks, PreparationState stage) => ranks.Where(rank =>
        !Statuses.TryGetValue(rank, out var status) || status.Stage < stage || status.Digest != Next!.Digest);
}
