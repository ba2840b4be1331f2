using System.Collections.Immutable;
using ElasticEp.Protocol;

namespace ElasticEp.Scaling;

/// <summary>What the coordinator knows of the operation under way.</summary>
internal sealed class Operation(PendingOperation pending, TimeSpan now, TimeSpan? deadline)
{
    private readonly HashSet<long> _calls = [pending.Request.Call];
    private long _movedBefore;

    public PendingOperation Pending { get; set; } = pending;

    public string Id => Pending.Id;

    public OperationKind Kind => Pending.Kind;

    /// <summary>When it is rolled back unless it is committed; null for never.</summary>
    public TimeSpan? Deadline { get; } = deadline;

    public OperationPhase Phase { get; private set; } = OperationPhase.Proposing;

    /// <summary>When the present phase began.</summary>
    public TimeSpan Since { get; private set; } = now;

    /// <summary>Who is sent reports.</summary>
    public HashSet<MemberId> Requesters { get; } = [];

    /// <summary>A call waits for it, beside the one that the record names.</summary>
    public void AddCall(long call) => _calls.Add(call);

    /// <summary>Whether a call waits for it; an earlier one of the same id may have been cancelled before it began.</summary>
    public bool HasCall(long call) => _calls.Contains(call);

    /// <summary>Whoever waits for an operation waits for what it has become.</summary>
    public void TakeCallers(Operation before)
    {
        Requesters.UnionWith(before.Requesters);
        _calls.UnionWith(before._calls);
        _movedBefore = before.BytesMoved;
    }

    /// <summary>Null before the policy has answered, and for an operation that was taken over.</summary>
    public PlanCursor? Plan { get; set; }

    /// <summary>Epoch of the view for which a plan was asked for last: one for an earlier view has come to nothing.</summary>
    public long PlannedFrom { get; set; }

    /// <summary>Why it is to be planned again for the view in use, with the same aim: members were lost, or whoever led it. Null when it is not.</summary>
    public string? ReplanReason { get; private set; }

    /// <summary>The next view, made for the view in use; null until it is made, and again when a recovery has changed that.</summary>
    public GroupView? Next { get; private set; }

    /// <summary>Everybody who is sent Prepare: the members of both views.</summary>
    public ImmutableArray<MemberId> Participants { get; private set; } = [];

    /// <summary>Members that have reported their load for this operation.</summary>
    public HashSet<MemberId> HasReportedLoad { get; } = [];

    /// <summary>The last report of each participant on the next view.</summary>
    public Dictionary<MemberId, PreparationMessage> Reports { get; } = [];

    /// <summary>Why it is to be rolled back, or to end before its plan does.</summary>
    public string? AbortReason { get; private set; }

    /// <summary>Whether <see cref="AbortReason"/> is the deadline.</summary>
    public bool HasTimedOut { get; private set; }

    /// <summary>Whether its end is being recorded for <see cref="AbortReason"/>.</summary>
    public bool HasEndedEarly { get; set; }

    public OperationFigures Figures { get; set; } = new() { };

    /// <summary>Whether there is still something to give up: all of it, or the views after the members have changed.</summary>
    public bool CanBeGivenUp => Phase <= OperationPhase.Draining || (Phase <= OperationPhase.Advancing && (!Pending.IsCommitted || Plan is { HasMore: true }));

    public long BytesMoved => _movedBefore + Reports.Values.Sum(report => report.BytesMoved);

    public long BytesTotal => Reports.Values.Sum(report => report.BytesTotal);

    /// <summary>The phase as users see it.</summary>
    public ScalePhase PublicPhase => Phase switch
    {
        OperationPhase.Proposing or OperationPhase.Gathering or OperationPhase.Planning => ScalePhase.Proposed,
        OperationPhase.Preparing or OperationPhase.Draining => Pending.IsCommitted ? ScalePhase.Committed : ScalePhase.Preparing,
        OperationPhase.Committing when Plan is { ChangesMembers: true } => ScalePhase.Prepared,
        OperationPhase.Committing or OperationPhase.Committed or OperationPhase.Advancing => Pending.IsCommitted ? ScalePhase.Committed : ScalePhase.Preparing,
        OperationPhase.Completing => ScalePhase.Completed,
        _ => ScalePhase.Aborted,
    };

    public void EnterPhase(OperationPhase phase, TimeSpan now) => (Phase, Since) = (phase, now);

    /// <summary>The first reason counts; too late it counts for nothing.</summary>
    public void GiveUp(string reason, bool hasTimedOut = false)
    {
        if (CanBeGivenUp && AbortReason is null)
            (AbortReason, HasTimedOut) = (reason, hasTimedOut);
    }

    /// <summary>What it aims at may be possible still, though the members are not those that it was planned for. A repair finds by itself what is to be done.</summary>
    public void Replan(string reason)
    {
        if (Pending.IsCommitted || Kind == OperationKind.Repair)
            GiveUp(reason);
        else
            ReplanReason ??= reason;
    }

    /// <summary>Whether it was given up for another one: nothing of it has failed.</summary>
    public bool IsPreempted { get; private set; }

    public void Preempt(string other)
    {
        IsPreempted |= AbortReason is null;
        GiveUp($"operation '{other}' was requested");
    }

    /// <summary>The next view of the plan for the view in use.</summary>
    public void SetNext(GroupView next, ImmutableArray<MemberId> participants) => (Next, Participants) = (next, participants);

    /// <summary>The view in use is another one: what was made for the one before is void.</summary>
    public void OnBaseChanged(TimeSpan now)
    {
        if (Phase is not (OperationPhase.Preparing or OperationPhase.Draining))
            return;
        _movedBefore = BytesMoved;
        Reports.Clear();
        Next = null;
        EnterPhase(OperationPhase.Preparing, now);
    }

    /// <summary>Goes on from what is durable after somebody else has written the record, unless its own end, or that of a view, was being written.</summary>
    /// <returns>False when it has to be taken up from the record.</returns>
    public bool TryResume(PendingOperation durable, TimeSpan now)
    {
        if (Phase == OperationPhase.Committing && durable.CommittedViews == Pending.CommittedViews - 1)
        {
            Pending = durable; // the view that was to be committed is void
            EnterPhase(OperationPhase.Draining, now);
        }

        return Phase is (> OperationPhase.Proposing and <= OperationPhase.Draining) or OperationPhase.Committed
            && (durable.IsCommitted, durable.CommittedViews) == (Pending.IsCommitted, Pending.CommittedViews);
    }

    public void MoveToNextView()
    {
        _movedBefore = BytesMoved;
        Reports.Clear();
        Next = null;
        Plan!.MoveNext();
    }

    /// <summary>Participants that have not reached a state under the present next view.</summary>
    public IEnumerable<MemberId> Behind(IEnumerable<MemberId> members, PreparationState state) => members.Where(member =>
        !Reports.TryGetValue(member, out var report) || report.State < state || report.Digest != Next!.Digest);
}
