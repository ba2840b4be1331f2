using ElasticEp.Events;
using ElasticEp.Membership;
using ElasticEp.Placement;
using ElasticEp.Protocol;

namespace ElasticEp.Scaling;

/// <summary>
/// The views of an operation's plan, one after another: each is prepared, made durable, announced, and in use everywhere before the next
/// is prepared. Until the view with the other members is durable the operation can be rolled back, to the last view before it.
/// </summary>
internal sealed partial class CoordinatorCore
{
    private void OnPlanned(in RankEvent e, TimeSpan now, List<RankEffect> effects)
    {
        if (Operation is not { Stage: OperationPhase.Planning, AbortReason: null } operation || operation.Id != e.Operation)
            return;
        if (e.Payload is PlacementPlan plan)
            OnPlan(plan, e.Number, now, effects);
        else
            operation.AbortReason = $"no placement was found: {e.Detail}";
    }

    private void OnPlan(PlacementPlan plan, long lowerBound, TimeSpan now, List<RankEffect> effects)
    {
        Operation!.UsePlan(plan);
        Operation.Figures = Operation.Figures with { BytesLowerBound = lowerBound };
        EnterStage(OperationPhase.Loading, now, effects);
        SendPrepare(effects);
    }

    /// <summary>Builds the next view on the present base and tells everybody; also after a recovery has moved the base.</summary>
    private void SendPrepare(List<RankEffect> effects)
    {
        var operation = Operation!;
        var isStop = operation.Pending.Kind == OperationKind.Stop;
        var ranks = operation.HasTargetMembers ? operation.Pending.Target : RanksOf(_record.View);
        operation.Next = new GroupView(
            _record.View.Epoch + 1,
            _record.View.Epoch == 0 ? 1 : 0,
            Succession.NextCoordinator(_record.View, ranks),
            MembersOf(ranks),
            operation.PlacementStage.Placement,
            isStop);
        operation.Participants = [.. RanksOf(_record.View).Union(ranks)];
        foreach (var participant in operation.Participants)
            SendPrepare(participant, effects);
    }

    /// <summary>Also to a participant that may have missed something: to be told twice changes nothing.</summary>
    private void SendPrepare(int participant, List<RankEffect> effects)
    {
        var operation = Operation!;
        var transfers = operation.PlacementStage.Transfers.Where(transfer => transfer.Destination == participant);
        effects.Add(RankEffect.Send(participant, new PrepareMessage(operation.Id, operation.PlanStage, _record.View, operation.Next!, [.. transfers], operation.DrainTime)));
        if (operation.Stage == OperationPhase.Draining)
            SendDrain(participant, effects);
    }

    private void SendDrain(int participant, List<RankEffect> effects)
    {
        if (Operation!.Pending.Kind != OperationKind.Stop && Operation.ChangesMembers && Operation.Pending.Leavers.Contains(participant))
            effects.Add(RankEffect.Send(participant, new DrainMessage(Operation.Id)));
    }

    private static bool IsDrained(Operation operation) =>
        !operation.Behind(operation.Participants, PreparationState.Loaded).Any()
        && (operation.Pending.Kind == OperationKind.Stop || !operation.ChangesMembers || !operation.Behind(operation.Pending.Leavers, PreparationState.Drained).Any());

    private void WriteCommit(List<RankEffect> effects)
    {
        var pending = Operation!.Pending with { IsCommitted = Operation.HasTargetMembers, CommittedViews = Operation.PlanStage + 1, Figures = Operation.Figures };
        var next = Operation.Pending.Kind == OperationKind.Stop
            ? _record.AfterEnd(new OperationOutcome(Operation.Id, true, "", Operation.Figures))
            : _record with { Pending = pending };
        Operation.Pending = pending;
        Write(next with { View = Operation.Next!, PreviousMembers = _record.View.Members }, Scaling.WritePurpose.Commit, effects);
    }

    private void OnCommitted(TimeSpan now, List<RankEffect> effects)
    {
        var operation = Operation!;
        EnterStage(OperationPhase.Committed, now, effects);
        if (Recovery is not null)
            return;
        if (operation.Pending.Kind == OperationKind.Birth)
        {
            SendStart(new StartMessage(_record.View, 1, operation.Id, operation.Pending.CommittedViews), operation.Pending.Joiners, effects);
        }
        else if (rules.MayAnnounce(true))
        {
            member.Announce(_record.View, effects);
        }

        if (operation.Pending.Kind == OperationKind.Stop)
            Operation = null;
    }

    /// <summary>Joiners are in no step yet that could tell them of the view: they get Start. A recovery and a birth start everybody themselves.</summary>
    private void StartJoiners(GroupView view, long step, List<RankEffect> effects)
    {
        if (!IsActive || view.StartStep != 0 || Operation is not { Stage: OperationPhase.Committed } operation)
            return;
        var joiners = operation.Pending.Joiners.Where(joiner => view.Contains(joiner) && !_record.PreviousMembers.Any(before => before.Rank == joiner));
        SendStart(new StartMessage(view, step, operation.Id, operation.Pending.CommittedViews), [.. joiners], effects);
    }

    /// <summary>The view is in use everywhere: the next one of the plan is prepared, or the operation ends.</summary>
    private void OnStageInUse(TimeSpan now, List<RankEffect> effects)
    {
        var operation = Operation!;
        if (operation is { AbortReason: null, HasMoreStages: true })
        {
            operation.Figures = operation.Figures with { Transfer = operation.Figures.Transfer + now - operation.Since };
            operation.MoveToNextStage();
            EnterStage(OperationPhase.Loading, now, effects);
            SendPrepare(effects);
        }
        else if (operation is { AbortReason: not null, CanAbort: true })
        {
            GiveUp(effects);
        }
        else
        {
            operation.Figures = operation.Figures with { Switch = now - operation.Since };
            Finish(true, "", OperationPhase.Completing, effects);
        }
    }

    /// <summary>Ends the operation at the view in use: rolled back, or, when its members are in, without the rest of its plan.</summary>
    private void GiveUp(List<RankEffect> effects)
    {
        var (operation, reason) = (Operation!, Operation!.AbortReason!);
        // A leaver may still have to follow the view that is without it: there is nothing for it to undo.
        var told = operation.Pending.IsCommitted ? RanksOf(_record.View) : operation.Participants.Union(operation.Pending.Joiners);
        foreach (var participant in told)
            effects.Add(RankEffect.Send(participant, new AbortMessage(operation.Id, reason)));
        if (operation.Pending.IsCommitted)
        {
            Finish(true, reason, OperationPhase.Completing, effects);
            return;
        }

        foreach (var joiner in operation.Pending.Joiners)
            Dismiss(joiner);
        Finish(false, reason, OperationPhase.Aborting, effects);
    }
}
