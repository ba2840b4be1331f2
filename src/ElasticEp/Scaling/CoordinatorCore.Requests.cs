using System.Collections.Immutable;
using ElasticEp.Events;
using ElasticEp.Protocol;

namespace ElasticEp.Scaling;

/// <summary>What others ask of the coordinator, and what it tells them.</summary>
internal sealed partial class CoordinatorCore
{
    private const int CancelledKept = 64;
    private const string CancelledBefore = "It was cancelled by its caller before it began.";

    private readonly Queue<string> _cancelled = []; // ids whose request may still be on its way

    private void OnAsk(int from, OperationRequest ask, TimeSpan now, List<RankEffect> effects)
    {
        if (!IsActive)
        {
            Refuse(from, ask.Id, ElasticEpErrorCode.InvalidState, $"Rank {member.Rank} does not coordinate.", effects);
        }
        else if (_cancelled.Contains(ask.Id))
        {
            Refuse(from, ask.Id, ElasticEpErrorCode.OperationAborted, CancelledBefore, effects); // its cancel came first
        }
        else if (_record.FindOutcome(ask.Id) is not null)
        {
            Accept(from, ask.Id, effects); // it has ended: the record says how
        }
        else if (Operation?.Id == ask.Id)
        {
            Operation.Requesters.Add(from);
            Accept(from, ask.Id, effects);
        }
        else if (Operation is null && _isKnown && Recovery is null && _writing == Scaling.WritePurpose.None)
        {
            Propose(from, ask, now, effects);
        }
        else if (ask.Kind != OperationKind.Scale || Operation is not { Pending.Kind: OperationKind.Scale or OperationKind.Stop, Stage: < OperationPhase.Completing })
        {
            // A birth, a leave, and an operation whose end is being recorded are soon over: the request waits its turn.
            if (!_waiting.Any(waiting => waiting.Ask.Id == ask.Id))
                _waiting.Enqueue((from, ask));
        }
        else
        {
            Refuse(from, ask.Id, ElasticEpErrorCode.ScaleInProgress, Operation.Id, effects);
        }
    }

    private void OnCancel(int canceller, string operation, List<RankEffect> effects)
    {
        if (Operation?.Id == operation)
        {
            Operation.AbortReason ??= "it was cancelled by its caller";
            return;
        }

        if (!IsActive || !_isKnown || _record.FindOutcome(operation) is not null)
            return; // the record says how it ended, or whoever coordinates is asked again
        if (!_cancelled.Contains(operation))
            _cancelled.Enqueue(operation);
        if (_cancelled.Count > CancelledKept)
            _cancelled.Dequeue();
        Refuse(canceller, operation, ElasticEpErrorCode.OperationAborted, CancelledBefore, effects);
        for (var count = _waiting.Count; count > 0; count--)
        {
            var (from, ask) = _waiting.Dequeue();
            if (ask.Id != operation)
                _waiting.Enqueue((from, ask));
            else if (from != canceller)
                Refuse(from, operation, ElasticEpErrorCode.OperationAborted, CancelledBefore, effects);
        }
    }

    private void Propose(int from, OperationRequest ask, TimeSpan now, List<RankEffect> effects)
    {
        ImmutableArray<int> target;
        try
        {
            if (_record.View.Epoch == 0 || _record.View.IsTerminal)
                throw new ElasticEpException(ElasticEpErrorCode.InvalidState, "The group has no view yet, or has ended.");
            target = Targets.Resolve(ask, _record.View, options);
        }
        catch (ElasticEpException exception)
        {
            Refuse(from, ask.Id, exception.Code, exception.Message, effects);
            return;
        }

        var present = RanksOf(_record.View);
        var pending = new PendingOperation(ask.Id, ask.Kind, target, [.. target.Except(present)], [.. present.Except(target)]);
        var deadline = ask.Deadline ?? options.OperationDeadline;
        Operation = new Operation(pending, deadline < TimeSpan.MaxValue - now ? now + deadline : TimeSpan.MaxValue, ask.DrainTime ?? options.DrainTime, now);
        Operation.Requesters.Add(from);
        Accept(from, ask.Id, effects);
        if (ask.Kind != OperationKind.Stop && pending.Joiners.IsEmpty && pending.Leavers.IsEmpty)
            Finish(true, "", OperationPhase.Completing, effects);
    }

    private void Report(List<RankEffect> effects)
    {
        var operation = Operation!;
        foreach (var requester in operation.Requesters)
            effects.Add(RankEffect.Send(requester, new ProgressMessage(new ScaleProgress(operation.Id, operation.Phase, operation.BytesMoved, operation.BytesTotal, Describe()))));
    }

    /// <summary>What the operation waits for, in words.</summary>
    private string Describe()
    {
        var operation = Operation!;
        return operation.Stage switch
        {
            OperationPhase.Gathering when operation.Pending.Joiners.All(IsGathered) => $"the load of rank {string.Join(", ", LoadIsMissing(operation))}",
            OperationPhase.Gathering => $"rank {string.Join(", ", operation.Pending.Joiners.Where(joiner => !IsGathered(joiner)))} to start and connect",
            OperationPhase.Loading => $"the weights of rank {string.Join(", ", operation.Behind(operation.Participants, PreparationState.Loaded))}",
            OperationPhase.Draining => $"rank {string.Join(", ", operation.Behind(operation.Pending.Leavers, PreparationState.Drained))} to hand back its requests",
            OperationPhase.Planning => "a placement",
            OperationPhase.Proposing or OperationPhase.Committing or OperationPhase.Completing or OperationPhase.Aborting => "the store",
            _ => "the first step of the new view",
        };
    }

    private static void Accept(int to, string operation, List<RankEffect> effects) =>
        effects.Add(RankEffect.Send(to, new OperationReplyMessage(operation, 0, "")));

    private static void Refuse(int to, string operation, ElasticEpErrorCode code, string detail, List<RankEffect> effects) =>
        effects.Add(RankEffect.Send(to, new OperationReplyMessage(operation, (int)code, detail)));
}
