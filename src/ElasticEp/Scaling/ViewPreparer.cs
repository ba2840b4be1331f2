using ElasticEp.Events;
using ElasticEp.Membership;
using ElasticEp.Protocol;

namespace ElasticEp.Scaling;

/// <summary>The coordinator's side of one view's preparation: makes the view, sends it to all members of both views, and reads their reports.</summary>
internal sealed class ViewPreparer(RecordWriter writer, JoinCandidates candidates)
{
    private GroupRecord Record => writer.Record;

    /// <summary>The members that the ranks stand for: present ones, and candidates for the others.</summary>
    public IEnumerable<GroupMember> MembersOf(IEnumerable<int> ranks) => ranks.Select(rank => Record.View.Find(rank) ?? candidates.Find(rank)!);

    /// <summary>Whether there is a process for every rank of the next view: one that has ended may have a birth wait for its successor.</summary>
    public bool HasAllMembers(Operation operation) => !operation.Plan!.HasTargetMembers || operation.Pending.Target.All(rank => Record.View.Find(rank) is not null || candidates.Find(rank) is not null);

    /// <summary>Makes the plan's view for the view in use and sends it to everybody.</summary>
    public void Begin(Operation operation, List<RankEffect> effects)
    {
        var present = Record.View.Members;
        GroupMember[] members = operation.Plan!.HasTargetMembers ? [.. MembersOf(operation.Pending.Target)] : [.. present];
        var next = new GroupView(
            Record.View.Epoch + 1,
            Record.View.Epoch == 0 ? 1 : 0,
            Succession.NextCoordinator(Record.View, members),
            members,
            operation.Plan.View.Placement,
            operation.Kind == OperationKind.Stop);
        operation.SetNext(next, [.. present.Concat(members).Select(member => member.Id).Distinct()]);
        foreach (var participant in operation.Participants)
            Send(operation, participant, effects);
    }

    /// <summary>Also to a participant that may have missed something: a repetition changes nothing.</summary>
    public void Send(Operation operation, MemberId participant, List<RankEffect> effects)
    {
        if (operation.Next is not { } next || next.Epoch != Record.View.Epoch + 1 || !operation.Participants.Contains(participant))
            return;
        var transfers = operation.Plan!.View.TransfersTo(participant.Rank);
        effects.Add(RankEffect.Send(participant, new PrepareMessage(operation.Id, operation.Plan.Index, BaseFor(participant), next, transfers, operation.Pending.Request.DrainTime ?? TimeSpan.Zero)));
        if (operation.Phase == OperationPhase.Draining && LeaversOf(operation).Contains(participant))
            effects.Add(RankEffect.Send(participant, new DrainMessage(operation.Id)));
    }

    /// <summary>Lets the leavers of this view return their requests to the queue.</summary>
    public void SendDrain(Operation operation, List<RankEffect> effects)
    {
        foreach (var leaver in LeaversOf(operation))
            effects.Add(RankEffect.Send(leaver, new DrainMessage(operation.Id)));
    }

    /// <summary>Members that this view is without, and that run requests to its end: those of a group that stops have ended theirs.</summary>
    public IEnumerable<MemberId> LeaversOf(Operation operation) => operation.Kind == OperationKind.Stop || !operation.Plan!.ChangesMembers
        ? []
        : Record.View.Members.Select(member => member.Id).Where(member => operation.Next?.Contains(member) == false);

    public static bool IsReady(Operation operation) => !operation.Behind(operation.Participants, PreparationState.Ready).Any();

    public bool IsDrained(Operation operation) => IsReady(operation) && !operation.Behind(LeaversOf(operation), PreparationState.Drained).Any();

    /// <summary>
    /// The view in use is Completed, so that every member has entered it and knows it by its name. Others may hold it too, from the record;
    /// whether they do is not known here.
    /// </summary>
    private BaseView BaseFor(MemberId participant) => Record.View.Contains(participant) ? BaseView.NameOf(Record.View) : BaseView.Of(Record.View);
}
