using System.Collections.Immutable;
using ElasticEp.Membership;
using ElasticEp.Placement;

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
            Operation.Stage = pending.IsCommitted ? OperationStage.Committed : OperationStage.Gathering;
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

        if (Operation is { CanAbort: true, AbortReason: { } reason })
        {
            foreach (var participant in Operation.Participants.Union(Operation.Pending.Joiners))
                effects.Add(RankEffect.Send(participant, new AbortMessage(Operation.Id, reason)));
            foreach (var joiner in Operation.Pending.Joiners)
                Dismiss(joiner);
            Finish(false, reason, OperationStage.Aborting, effects);
            return;
        }

        switch (Operation.Stage)
        {
            case OperationStage.Proposing:
                Write(_record with { Pending = Operation.Pending }, Scaling.WritePurpose.Propose, effects);
                break;
            case OperationStage.Gathering when Operation.Pending.Joiners.All(IsGathered):
                Operation.Figures = Operation.Figures with { Launch = now - Operation.Since };
                EnterStage(OperationStage.Planning, now, effects);
                if (Operation.Pending.Kind == OperationKind.Stop)
                    OnPlan(new PlacementPlan(ExpertPlacement.Empty, [], 0), 0, now, effects);
                else
                    effects.Add(new RankEffect(RankEffectKind.Plan) { Operation = Operation.Id, Payload = (_record.View, Operation.Pending.Target) });
                break;
            case OperationStage.Loading when !Operation.Behind(Operation.Participants, PrepareStage.Loaded).Any():
                Operation.Figures = Operation.Figures with { Transfer = now - Operation.Since, BytesMoved = Operation.BytesMoved };
                EnterStage(OperationStage.Draining, now, effects);
                foreach (var leaver in Operation.Pending.Leavers)
                    SendDrain(leaver, effects);
                AdvanceOperation(now, effects);
                break;
            case OperationStage.Draining when IsDrained(Operation):
                Operation.Figures = Operation.Figures with { Drain = now - Operation.Since };
                EnterStage(OperationStage.Committing, now, effects);
                WriteCommit(effects);
                if (rules.MayAnnounce(false))
                    member.Announce(Operation.Next!, effects);
                break;
            case OperationStage.Committed when _settledEpoch >= _record.View.Epoch:
                Operation.Figures = Operation.Figures with { Switch = now - Operation.Since };
                Finish(true, "", OperationStage.Completing, effects);
                break;
        }
    }

    private bool IsGathered(int rank) => _registered.TryGetValue(rank, out var joiner) && (rank == member.Rank || member.IsConnected(joiner));

    private static bool IsDrained(Operation operation) =>
        !operation.Behind(operation.Participants, PrepareStage.Loaded).Any()
        && (operation.Pending.Kind == OperationKind.Stop || !operation.Behind(operation.Pending.Leavers, PrepareStage.Drained).Any());

    private void WriteCommit(List<RankEffect> effects)
    {
        var pending = Operation!.Pending with { IsCommitted = true, Figures = Operation.Figures };
        var next = Operation.Pending.Kind == OperationKind.Stop
            ? _record.AfterEnd(new OperationOutcome(Operation.Id, true, "", Operation.Figures))
            : _record with { Pending = pending };
        Operation.Pending = pending;
        Write(next with { View = Operation.Next!, PreviousMembers = _record.View.Members }, Scaling.WritePurpose.Commit, effects);
    }

    private void OnProposed(TimeSpan now, List<RankEffect> effects)
    {
        EnterStage(OperationStage.Gathering, now, effects);
        if (!_isWatching)
        {
            _isWatching = true;
            effects.Add(new RankEffect(RankEffectKind.WatchRanks));
        }

        foreach (var joiner in Operation!.Pending.Joiners)
            ConnectJoiner(joiner, effects);
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
        if (Operation is { CanAbort: true, Stage: > OperationStage.Proposing, Pending.Kind: not OperationKind.Birth } operation
            && operation.Pending.Joiners.Contains(rank))
            operation.AbortReason ??= $"rank {rank} {what}";
    }

    private void OnPlanned(in RankEvent e, TimeSpan now, List<RankEffect> effects)
    {
        if (Operation is not { Stage: OperationStage.Planning, AbortReason: null } operation || operation.Id != e.Operation)
            return;
        if (e.Payload is PlacementPlan plan)
            OnPlan(plan, e.Number, now, effects);
        else
            operation.AbortReason = $"no placement was found: {e.Detail}";
    }

    private void OnPlan(PlacementPlan plan, long lowerBound, TimeSpan now, List<RankEffect> effects)
    {
        Operation!.Plan = plan;
        Operation.Figures = Operation.Figures with { BytesLowerBound = lowerBound };
        EnterStage(OperationStage.Loading, now, effects);
        SendPrepare(effects);
    }

    /// <summary>Builds the next view on the present base and tells everybody; also after a recovery has moved the base.</summary>
    private void SendPrepare(List<RankEffect> effects)
    {
        var operation = Operation!;
        var isStop = operation.Pending.Kind == OperationKind.Stop;
        var members = operation.Pending.Target.Select(rank => _record.View.Find(rank) ?? _registered[rank]);
        operation.Next = new GroupView(
            _record.View.Epoch + 1,
            _record.View.Epoch == 0 ? 1 : 0,
            Membership.Succession.NextCoordinator(_record.View, operation.Pending.Target),
            members,
            isStop ? ExpertPlacement.Empty : operation.Plan!.Placement,
            isStop);
        operation.Participants = [.. RanksOf(_record.View).Union(operation.Pending.Target)];
        foreach (var participant in operation.Participants)
            SendPrepare(participant, effects);
    }

    /// <summary>Also to a participant that may have missed something: to be told twice changes nothing.</summary>
    private void SendPrepare(int participant, List<RankEffect> effects)
    {
        var operation = Operation!;
        var transfers = operation.Plan!.Transfers.Where(transfer => transfer.Destination == participant);
        effects.Add(RankEffect.Send(participant, new PrepareMessage(operation.Id, _record.View, operation.Next!, [.. transfers], operation.DrainTime)));
        if (operation.Stage == OperationStage.Draining)
            SendDrain(participant, effects);
    }

    private void SendDrain(int participant, List<RankEffect> effects)
    {
        if (Operation!.Pending.Kind != OperationKind.Stop && Operation.Pending.Leavers.Contains(participant))
            effects.Add(RankEffect.Send(participant, new DrainMessage(Operation.Id)));
    }

    private void OnStatus(int from, StatusMessage status, List<RankEffect> effects)
    {
        if (Operation is not { } operation || operation.Id != status.Operation)
        {
            // It has missed that the operation was rolled back.
            var isCompleted = _record.Last is { IsCompleted: true } last && last.Id == status.Operation;
            var isOver = IsActive && _isKnown && _record.Pending?.Id != status.Operation && !isCompleted;
            if (isOver)
                effects.Add(RankEffect.Send(from, new AbortMessage(status.Operation, "it is over")));
            return;
        }

        if (operation.Stage is not (OperationStage.Loading or OperationStage.Draining))
            return;
        if (status.Failure.Length > 0)
        {
            operation.AbortReason ??= status.Failure;
            return;
        }

        operation.Statuses[from] = status;
        Report(effects);
    }

    private void OnCommitted(TimeSpan now, List<RankEffect> effects)
    {
        var operation = Operation!;
        EnterStage(OperationStage.Committed, now, effects);
        if (Recovery is not null)
            return;
        if (operation.Pending.Kind == OperationKind.Birth)
        {
            SendStart(new StartMessage(_record.View, 1, operation.Id), operation.Pending.Joiners, effects);
        }
        else if (rules.MayAnnounce(true))
        {
            member.Announce(_record.View, effects);
        }

        if (operation.Pending.Kind == OperationKind.Stop)
            Operation = null;
    }

    private void Finish(bool isCompleted, string reason, OperationStage stage, List<RankEffect> effects)
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
        if (operation.Stage == OperationStage.Completing)
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

    private void EnterStage(OperationStage stage, TimeSpan now, List<RankEffect> effects)
    {
        (Operation!.Stage, Operation.Since) = (stage, now);
        Report(effects);
    }
}
