using ElasticEp.Events;
using ElasticEp.Protocol;

namespace ElasticEp.Scaling;

/// <summary>How a view becomes durable and Completed, and how the operation goes on or ends with it.</summary>
internal sealed partial class TransitionCore
{
    private void Commit(Operation operation, TimeSpan now, List<RankEffect> effects)
    {
        operation.Figures = operation.Figures with { Drain = operation.Figures.Drain + now - operation.Since };
        operation.Pending = operation.Pending with { IsCommitted = operation.Plan!.HasTargetMembers, CommittedViews = operation.Plan.Index + 1, PlannedViews = operation.Plan.Count, Figures = operation.Figures };
        EnterPhase(operation, OperationPhase.Committing, now, effects);
        var record = operation.Kind == OperationKind.Stop
            ? Record.AfterEnd(new OperationOutcome(operation.Id, true, "", operation.Figures), operation.Kind)
            : Record with { Pending = operation.Pending };
        _writer.Write(record.WithNext(operation.Next!) with { CommitStep = _member.Step, IsDamaged = record.IsDamaged && operation.Plan.HasMore }, WritePurpose.Commit, effects);
        if (_rules.MayAnnounce(false)) // never, but for a mutant of the simulator
            _member.Announce(operation.Next!, effects);
    }

    private void OnCommitted(Operation operation, TimeSpan now, List<RankEffect> effects)
    {
        EnterPhase(operation, OperationPhase.Committed, now, effects);
        if (operation.Kind == OperationKind.Birth)
            _starts.Send(new StartMessage(Record.View, 1, operation.Id, operation.Pending.CommittedViews), Record.View.Members.Select(first => first.Id), effects);
        else if (_rules.MayAnnounce(true))
            _member.Announce(Record.View, effects);
        if (operation.Kind == OperationKind.Stop)
            Current = null;
    }

    /// <summary>The view is in use everywhere: that is recorded, with the operation's end if it was its last one.</summary>
    private void CompleteView(TimeSpan now, List<RankEffect> effects)
    {
        _leavers = [.. Record.Leavers.Select(leaver => leaver.Id)];
        if (Current is not { Phase: OperationPhase.Committed } operation)
        {
            _writer.Write(Record.AfterCompletion(), WritePurpose.Complete, effects);
        }
        else if (operation.Plan is { HasMore: true } || !operation.Pending.IsCommitted)
        {
            operation.Figures = operation.Figures with { Transfer = operation.Figures.Transfer + now - operation.Since };
            EnterPhase(operation, OperationPhase.Advancing, now, effects);
            _writer.Write(Record.AfterCompletion(), WritePurpose.Complete, effects);
        }
        else
        {
            operation.Figures = operation.Figures with { Switch = now - operation.Since };
            Finish(operation, isCompleted: true, Shortfall(operation), now, effects);
        }
    }

    /// <summary>Why a committed operation has not reached its target; empty when it has.</summary>
    private string Shortfall(Operation operation)
    {
        var missing = operation.Pending.Target.Where(rank => !Record.View.Contains(rank)).ToArray();
        if (missing.Length > 0)
            return $"rank {string.Join(", ", missing)} was lost while the group switched";
        return operation.Pending.CommittedViews < operation.Pending.PlannedViews ? "its coordinator was lost before the last exchanges of experts" : "";
    }

    private void ReleaseLeavers(List<RankEffect> effects)
    {
        foreach (var leaver in _leavers)
            effects.Add(RankEffect.Send(leaver, new CompletedMessage(Record.View.Epoch)));
        _leavers = [];
    }

    private void PrepareNextView(Operation operation, TimeSpan now, List<RankEffect> effects)
    {
        operation.MoveToNextView();
        EnterPhase(operation, OperationPhase.Preparing, now, effects);
    }

    /// <summary>
    /// Ends the operation at the view in use: rolled back, or, when its members are in, without the rest of its plan. Nobody undoes anything
    /// before that is durable: the coordinator that this rank has taken over from may have committed the next view meanwhile.
    /// </summary>
    private void EndEarly(Operation operation, TimeSpan now, List<RankEffect> effects)
    {
        operation.HasEndedEarly = true;
        Finish(operation, _rules.StaysCommitted(operation.Pending.IsCommitted), operation.AbortReason!, now, effects);
    }

    private void SendAbort(Operation operation, string reason, List<RankEffect> effects)
    {
        // A leaver may still have to follow the view that is without it: there is nothing for it to undo.
        var participants = Record.View.Members.Select(other => other.Id);
        foreach (var participant in operation.Pending.IsCommitted ? participants : participants.Concat(operation.Participants).Concat(_joiners.Of(operation, Record.View)).Distinct())
            effects.Add(RankEffect.Send(participant, new AbortMessage(operation.Id, reason)));
    }

    private void Finish(Operation operation, bool isCompleted, string reason, TimeSpan now, List<RankEffect> effects)
    {
        operation.EnterPhase(isCompleted ? OperationPhase.Completing : OperationPhase.Aborting, now);
        var outcome = new OperationOutcome(operation.Id, isCompleted, reason, operation.Figures, !isCompleted && operation.HasTimedOut);
        var ended = Record.AfterEnd(outcome, operation.Kind);
        if (isCompleted && operation.Kind != OperationKind.Repair)
            ended = ended with { Wanted = Targets.WantedAfter(operation.Pending, Record.Wanted) };
        _writer.Write(_rules.MayComplete(_member.CompletedEpoch == Record.View.Epoch) ? ended.AfterCompletion() : ended, WritePurpose.Finish, effects);
    }

    private void OnFinished(Operation operation, TimeSpan now, List<RankEffect> effects)
    {
        if (operation is { Kind: OperationKind.Repair, IsPreempted: false })
            _repairs.OnEnded(operation, now);
        else if (operation.Kind is OperationKind.Scale or OperationKind.Leave)
            _requests.OnEnded(Record.Requested.Count);
        else if (operation is { Kind: OperationKind.Birth, Phase: OperationPhase.Aborting })
            _hasFailedBirth = true;
        if (operation.HasEndedEarly)
            SendAbort(operation, operation.AbortReason!, effects);
        if (operation.Phase == OperationPhase.Aborting)
            _joiners.Dismiss(operation, Record.View, effects);
        _reporter.Report(operation, effects);
        Current = null;
    }
}
