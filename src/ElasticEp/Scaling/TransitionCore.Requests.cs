using System.Collections.Immutable;
using ElasticEp.Events;
using ElasticEp.Protocol;

namespace ElasticEp.Scaling;

/// <summary>How an operation begins: requests, cancels, and what another coordinator has left.</summary>
internal sealed partial class TransitionCore
{
    /// <param name="from">Who requests it.</param>
    /// <param name="request">What.</param>
    /// <param name="mayPropose">Whether no recovery runs: otherwise it waits.</param>
    /// <param name="now">The time.</param>
    /// <param name="effects">Gets the reply.</param>
    public void OnRequest(MemberId from, OperationRequest request, bool mayPropose, TimeSpan now, List<RankEffect> effects)
    {
        if (Current?.Id == request.Id)
            Join(from, request, effects);
        else if (_writer.Unreadable is { } reason)
            RequestQueue.Refuse(from, request, ElasticEpErrorCode.StoreUnavailable, $"The group's record cannot be read, so that no view can change: {reason}", effects);
        else if (request.Id.StartsWith(OperationRequest.OwnPrefix))
            RequestQueue.Refuse(from, request, ElasticEpErrorCode.InvalidArgument, $"Ids that begin with '{OperationRequest.OwnPrefix}' are those of the group's own operations, and '{request.Id}' does; choose one that begins otherwise.", effects);
        else if (!_writer.IsKnown)
            Enqueue(from, request, now);
        else if (_requests.IsCancelled(request))
            RequestQueue.RefuseCancelled(from, request, effects);
        else if (Record.FindOutcome(request.Id) is not null)
            RequestQueue.Accept(from, request, effects); // it has ended: the record says how
        else if (_requests.IsWaiting(request))
            return; // it has come again: no outcome has been forgotten while it waited here
        else if (request.EndedBefore > Record.Requested.Count)
            DoubtFor(from, request, now);
        else if (request.Kind == OperationKind.Scale && Record.Requested.Count - request.EndedBefore > OutcomeLog.Capacity) // whether others have run the view says
            RequestQueue.Refuse(from, request, ElasticEpErrorCode.OutcomeUnknown, $"More than {OutcomeLog.Capacity} operations have ended since it was requested; whether it was one of them is not known any more. Look at the view, and request what is missing under another id.", effects);
        else if (Current is null && mayPropose && _writer.IsReady && Record.Pending is null)
            Propose(from, request, now, effects);
        else if (Current is { Kind: OperationKind.Repair, CanBeGivenUp: true } repair)
            Preempt(repair, from, request, now, effects);
        else if (request.Kind != OperationKind.Scale || Current is not { Kind: OperationKind.Scale or OperationKind.Stop, Phase: < OperationPhase.Completing })
            Enqueue(from, request with { EndedBefore = Record.Requested.Count }, now); // a birth, a leave, and an operation whose end is being recorded are soon over
        else
            RequestQueue.Refuse(from, request, ElasticEpErrorCode.ScaleInProgress, Current.Id, effects);
    }

    public void OnCancel(MemberId from, CancelMessage cancel, List<RankEffect> effects)
    {
        if (Current?.Id == cancel.Operation && Current.HasCall(cancel.Call))
            Current.GiveUp("it was cancelled by its caller");
        else if (Current?.Id == cancel.Operation)
            _requests.Cancel(from, cancel, "It was cancelled by its caller; the operation goes on for another call of the same id.", effects);
        else if (_writer.IsKnown && Record.FindOutcome(cancel.Operation) is null && Record.Pending?.Id != cancel.Operation)
            _requests.Cancel(from, cancel, RequestQueue.CancelledBefore, effects);
        else if (!_writer.IsKnown)
            _requests.Drop(cancel); // whether it has begun is not known: nothing is confirmed, and it does not begin now
    }

    /// <summary>What somebody asks for goes before a repair, which begins again after it; unless the repair leads to the very same ranks.</summary>
    private void Preempt(Operation repair, MemberId from, OperationRequest request, TimeSpan now, List<RankEffect> effects)
    {
        try
        {
            if (!Targets.Resolve(request, Record.View, _options).SequenceEqual(repair.Pending.Target))
                repair.Preempt(request.Id);
            Enqueue(from, request, now);
        }
        catch (ElasticEpException exception)
        {
            RequestQueue.Refuse(from, request, exception.Code, exception.Message, effects);
        }
    }

    /// <summary>The requester has seen a later record than this rank knows.</summary>
    private void DoubtFor(MemberId from, OperationRequest request, TimeSpan now)
    {
        _writer.Doubt();
        Enqueue(from, request with { EndedBefore = Record.Requested.Count }, now); // once: a fresh read knows all that anybody can have seen
    }

    private void Enqueue(MemberId from, OperationRequest request, TimeSpan now)
    {
        _requests.Enqueue(from, request, Until(request.Deadline ?? _options.OperationDeadline, now) ?? TimeSpan.MaxValue);
    }

    private void Join(MemberId from, OperationRequest request, List<RankEffect> effects)
    {
        Current!.Requesters.Add(from);
        Current.AddCall(request.Call);
        RequestQueue.Accept(from, request, effects);
    }

    /// <summary>
    /// Takes over what the record has pending: a committed operation goes forward, any other is planned again, from the last of its views. A
    /// birth has nothing to go back to: rank 0 that is started again begins it anew.
    /// </summary>
    private void Adopt(TimeSpan now, List<RankEffect> effects)
    {
        _joiners.StartWatching(effects);
        _isBirthAwaited = false;
        if (_interrupted is { Phase: > OperationPhase.Proposing, Kind: not OperationKind.Birth } vanished && Record.Pending?.Id != vanished.Id && Record.FindOutcome(vanished.Id) is null)
        {
            SendAbort(vanished, "the store has lost it", effects); // no outcome in the record will tell them
            _interrupted = null;
        }

        if (Current is not null)
            return;
        if (Record.Pending is { CommittedViews: 0, Request.Kind: OperationKind.Birth } birth)
        {
            _interrupted = null;
            OnProposed(Current = new Operation(birth, now, deadline: null), now, effects);
        }
        else if (Record.Pending is { } pending)
        {
            var interrupted = _interrupted?.Id == pending.Id ? _interrupted : null; // this rank has led it before
            var deadline = interrupted is null ? Until(pending.Request.Deadline ?? _options.OperationDeadline, now) : interrupted.Deadline;
            var operation = Current = new Operation(pending, now, deadline) { Figures = pending.Figures };
            if (interrupted is not null)
                operation.TakeCallers(interrupted);
            if (pending.IsCommitted)
                operation.SetNext(Record.View, [.. Record.View.Members.Select(other => other.Id)]);
            // A view that is durable may still be entered: nothing is undone before that.
            operation.EnterPhase(pending.CommittedViews > 0 ? OperationPhase.Committed : OperationPhase.Gathering, now);
            if (interrupted?.AbortReason is { } reason)
                operation.GiveUp(reason, interrupted.HasTimedOut);
            else if (!pending.IsCommitted)
                operation.Replan("its coordinator was lost");
            _interrupted = null;
        }
        else if (Record.View.Epoch == 0 && !_hasFailedBirth && Record.Own.Kept.All(outcome => !outcome.IsCompleted) && !_joiners.AnyInAView) // else there is a group, which brings its record back
        {
            _isBirthAwaited = now < BirthAt;
            if (_isBirthAwaited)
                return;
            ImmutableArray<int> ranks = [.. Enumerable.Range(0, _options.InitialRanks)];
            Current = new Operation(new PendingOperation(new OperationRequest(OperationRequest.BirthId, OperationKind.Birth), ranks, ranks, []), now, deadline: null);
        }
    }

    private void Propose(MemberId from, OperationRequest request, TimeSpan now, List<RankEffect> effects)
    {
        ImmutableArray<int> target;
        try
        {
            if (Record.View.Epoch == 0 || Record.View.IsTerminal)
                throw new ElasticEpException(ElasticEpErrorCode.InvalidState, "The group has no view yet, or has ended.");
            target = Targets.Resolve(request, Record.View, _options);
        }
        catch (ElasticEpException exception)
        {
            RequestQueue.Refuse(from, request, exception.Code, exception.Message, effects);
            return;
        }

        var whole = request with { Deadline = request.Deadline ?? _options.OperationDeadline, DrainTime = request.DrainTime ?? _options.DrainTime };
        Current = new Operation(Aim(whole, target), now, Until(whole.Deadline.Value, now));
        Join(from, request, effects);
        FinishIfReached(Current, now, effects);
    }

    /// <summary>
    /// The operation aims at the same as before, with the members that are left; the record gets who joins and leaves now. What the ranks have
    /// prepared for it they undo, or keep, when they see the next plan.
    /// </summary>
    private void PlanAgain(Operation operation, string reason, TimeSpan now, List<RankEffect> effects)
    {
        try
        {
            var target = Targets.ResolveAgain(operation.Pending.Request, Record.View, _options);
            Current = new Operation(Aim(operation.Pending.Request, target), now, operation.Deadline) { Figures = operation.Figures };
            Current.TakeCallers(operation);
            // Leavers may have returned their requests to the queue: they take some again until they are prepared anew.
            foreach (var leaver in operation.Pending.Leavers.Select(Record.View.Find).OfType<GroupMember>())
                effects.Add(RankEffect.Send(leaver.Id, new AbortMessage(operation.Id, reason)));
            FinishIfReached(Current, now, effects);
        }
        catch (ElasticEpException exception)
        {
            operation.EnterPhase(OperationPhase.Preparing, now);
            operation.GiveUp($"{reason}: {exception.Message}");
        }

        if (_writer.IsReady)
            Advance(now, effects);
    }

    private PendingOperation Aim(OperationRequest request, ImmutableArray<int> target)
    {
        var present = Record.View.Members.Select(other => other.Rank).ToArray();
        return new PendingOperation(request, target, [.. target.Except(present)], [.. present.Except(target)]);
    }

    private void FinishIfReached(Operation operation, TimeSpan now, List<RankEffect> effects)
    {
        if (operation.Kind != OperationKind.Stop && operation.Pending.Joiners.IsEmpty && operation.Pending.Leavers.IsEmpty)
            Finish(operation, isCompleted: true, "", now, effects);
    }
}
