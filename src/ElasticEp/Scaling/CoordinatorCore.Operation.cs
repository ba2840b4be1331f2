using System.Collections.Immutable;
using ElasticEp.Events;
using ElasticEp.Placement;
using ElasticEp.Protocol;

namespace ElasticEp.Scaling;

/// <summary>An operation from request to end.</summary>
internal sealed partial class CoordinatorCore
{
    private const string BirthId = "birth";

    private void AdoptPending(TimeSpan now)
    {
        if (Operation is not null)
            return;
        if (_record.Pending is { } pending)
        {
            // Taken over from another coordinator: a committed one goes forward, any other is rolled back.
            Operation = new Operation(pending, TimeSpan.MaxValue, TimeSpan.Zero, now) { Figures = pending.Figures, Next = _record.View };
            // A view that is durable may still be entered: nothing is undone before that.
            Operation.Stage = pending.CommittedViews > 0 ? OperationPhase.Committed : OperationPhase.Gathering;
            Operation.Participants = pending.IsCommitted ? [] : [.. RanksOf(_record.View).Union(pending.Target)];
            if (!pending.IsCommitted)
                Operation.AbortReason = "its coordinator was lost";
        }
        else if (_record.View.Epoch == 0 && !_isBirthOver)
        {
            ImmutableArray<int> ranks = [.. Enumerable.Range(0, options.InitialRanks)];
            Operation = new Operation(new PendingOperation(BirthId, OperationKind.Birth, ranks, ranks, []), TimeSpan.MaxValue, TimeSpan.Zero, now);
        }
    }

    private void AdvanceOperation(TimeSpan now, List<RankEffect> effects)
    {
        while (Operation is null && _waiting.TryDequeue(out var waiting))
            OnAsk(waiting.From, waiting.Ask, now, effects);
        if (Operation is null || _writing != Scaling.WritePurpose.None)
            return;

        if (Operation is { Stage: <= OperationPhase.Draining, AbortReason: not null })
        {
            GiveUp(effects);
            return;
        }

        switch (Operation.Stage)
        {
            case OperationPhase.Proposing:
                Write(_record with { Pending = Operation.Pending }, Scaling.WritePurpose.Propose, effects);
                break;
            case OperationPhase.Gathering when Operation.Pending.Joiners.All(IsGathered) && !LoadIsMissing(Operation).Any():
                Operation.Figures = Operation.Figures with { Launch = now - Operation.Since };
                EnterStage(OperationPhase.Planning, now, effects);
                if (Operation.Pending.Kind == OperationKind.Stop)
                    OnPlan(new PlacementPlan(ExpertPlacement.Empty, [], 0), 0, now, effects);
                else
                    effects.Add(new RankEffect(RankEffectKind.Plan) { Operation = Operation.Id, Payload = new PlanInquiry(_record.View, [.. MembersOf(Operation.Pending.Target)], _load.Read()) });
                break;
            case OperationPhase.Loading when !Operation.Behind(Operation.Participants, PreparationState.Loaded).Any():
                Operation.Figures = Operation.Figures with { Transfer = Operation.Figures.Transfer + now - Operation.Since, BytesMoved = Operation.BytesMoved };
                EnterStage(OperationPhase.Draining, now, effects);
                foreach (var leaver in Operation.Pending.Leavers)
                    SendDrain(leaver, effects);
                AdvanceOperation(now, effects);
                break;
            case OperationPhase.Draining when IsDrained(Operation):
                Operation.Figures = Operation.Figures with { Drain = Operation.Figures.Drain + now - Operation.Since };
                EnterStage(OperationPhase.Committing, now, effects);
                WriteCommit(effects);
                if (rules.MayAnnounce(false))
                    member.Announce(Operation.Next!, effects);
                break;
            case OperationPhase.Committed when rules.MayLeaveView(_settledEpoch >= _record.View.Epoch):
                OnStageInUse(now, effects);
                break;
        }
    }

    private IEnumerable<GroupMember> MembersOf(ImmutableArray<int> ranks) => ranks.Select(rank => _record.View.Find(rank) ?? _registered[rank]);

    private bool IsGathered(int rank) => _registered.TryGetValue(rank, out var joiner) && (rank == member.Rank || member.IsConnected(joiner));

    private void OnProposed(TimeSpan now, List<RankEffect> effects)
    {
        EnterStage(OperationPhase.Gathering, now, effects);
        if (!_isWatching)
        {
            _isWatching = true;
            effects.Add(new RankEffect(RankEffectKind.WatchRanks));
        }

        foreach (var joiner in Operation!.Pending.Joiners)
            ConnectJoiner(joiner, effects);
        AskForLoad(effects);
    }

    private void ConnectJoiner(int rank, List<RankEffect> effects)
    {
        if (Operation is { CanAbort: true } operation && operation.Pending.Joiners.Contains(rank) && rank != member.Rank
            && _registered.TryGetValue(rank, out var joiner) && !member.IsConnected(joiner))
        {
            effects.Add(RankEffect.Connect(rank, joiner.Address));
        }
    }

    /// <summary>A process that was dismissed never joins later; its rank may, in another one.</summary>
    private void Dismiss(int rank)
    {
        if (_registered.Remove(rank, out var dismissed))
            _incarnations[rank] = dismissed.Incarnation;
    }

    private void AbortIfJoiner(int rank, string what)
    {
        // The first ranks have nobody to fall back on: a birth waits for them until they come back.
        if (Operation is { CanAbort: true, Stage: > OperationPhase.Proposing, Pending.Kind: not OperationKind.Birth } operation
            && operation.Pending.Joiners.Contains(rank))
            operation.AbortReason ??= $"rank {rank} {what}";
    }

    private void OnStatus(int from, PreparationMessage status, List<RankEffect> effects)
    {
        if (Operation is not { } operation || operation.Id != status.Operation)
        {
            // It has missed that the operation was rolled back, or ended without what it prepares. Only a leaver waits for Completed.
            var isGone = _record.Last is { IsCompleted: true } last && last.Id == status.Operation && !_record.View.Contains(from);
            var isOver = IsActive && _isKnown && _record.Pending?.Id != status.Operation && !isGone;
            if (isOver)
                effects.Add(RankEffect.Send(from, new AbortMessage(status.Operation, "it is over")));
            return;
        }

        if (operation.Stage is not (OperationPhase.Loading or OperationPhase.Draining))
            return;
        if (status.Failure.Length > 0)
        {
            operation.AbortReason ??= status.Failure;
            return;
        }

        operation.Statuses[from] = status;
        Report(effects);
    }

    private void Finish(bool isCompleted, string reason, OperationPhase stage, List<RankEffect> effects)
    {
        var operation = Operation!;
        operation.Stage = stage;
        var outcome = new OperationOutcome(operation.Id, isCompleted, reason, operation.Figures, !isCompleted && operation.HasTimedOut);
        Write(_record.AfterEnd(outcome) with { PreviousMembers = [] }, Scaling.WritePurpose.Finish, effects);
    }

    private void OnFinished(List<RankEffect> effects)
    {
        var operation = Operation!;
        _isBirthOver = true;
        if (operation.Stage == OperationPhase.Completing)
        {
            foreach (var leaver in operation.Pending.Leavers)
                effects.Add(RankEffect.Send(leaver, new CompletedMessage(operation.Id, _record.View.Epoch)));
        }
        else
        {
            foreach (var joiner in operation.Pending.Joiners)
            {
                if (joiner == member.Rank)
                    continue;
                member.OnDisconnected(joiner);
                effects.Add(new RankEffect(RankEffectKind.Disconnect) { Peer = joiner });
            }
        }

        Report(effects);
        Operation = null;
    }

    private void EnterStage(OperationPhase stage, TimeSpan now, List<RankEffect> effects)
    {
        (Operation!.Stage, Operation.Since) = (stage, now);
        Report(effects);
    }
}
