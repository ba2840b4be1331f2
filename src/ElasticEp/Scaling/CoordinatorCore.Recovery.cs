using System.Collections.Immutable;
using ElasticEp.Events;
using ElasticEp.Membership;
using ElasticEp.Protocol;

namespace ElasticEp.Scaling;

/// <summary>Recovery: an attempt could not complete somewhere; all stop, agree where to go on, and start under a new epoch.</summary>
internal sealed partial class CoordinatorCore
{
    private readonly HashSet<int> _lost = [];
    private long _recoveries;
    private long _recoveredEpoch;
    private StartMessage? _start;
    private ImmutableArray<int> _startTargets = [];

    public void OnRankLost(int rank, TimeSpan now, List<RankEffect> effects)
    {
        _lost.Add(rank);
        if (_registered.ContainsKey(rank))
            AbortIfJoiner(rank, "was lost before it was admitted");
        Advance(now, effects);
    }

    public void OnLinkUp(int rank, long incarnation, TimeSpan now, List<RankEffect> effects)
    {
        // Another process under the number of a member has none of its experts: it waits to be admitted, and the member stays lost.
        if (_record.View.Find(rank) is { } known && known.Incarnation != incarnation)
            return;
        _lost.Remove(rank);
        if (Recovery is { IsStopping: true, IsWriting: false } recovery && recovery.Targets.Any(target => target.Rank == rank))
            effects.Add(RankEffect.Send(rank, new StopMessage(_record.View.Epoch, recovery.Id)));
        else if (Recovery is null && _start is { } start && start.View.Epoch > _settledEpoch && _startTargets.Contains(rank))
            effects.Add(RankEffect.Send(rank, start));
        if (Recovery is null && Operation is { AbortReason: null, Stage: OperationPhase.Loading or OperationPhase.Draining } operation && operation.Participants.Contains(rank))
            SendPrepare(rank, effects);
        if (Operation is { AbortReason: null, Stage: OperationPhase.Gathering })
            AskForLoad(effects);
        Advance(now, effects);
    }

    private void OnStepFailed(int from, StepFailedMessage failed, TimeSpan now, List<RankEffect> effects)
    {
        // The sender may be a view ahead or behind and know another coordinator: whoever is asked leads, the store fences.
        var isAnswered = member.View.StartStep > 0 && failed.Epoch < member.View.Epoch;
        if (failed.Epoch == 0 || failed.Epoch < _recoveredEpoch || isAnswered || Recovery is not null)
            return; // a link that is still missing after the Start makes trouble again
        IsActive = true;
        _isKnown = _writing != Scaling.WritePurpose.None && _isKnown;
        Recovery = new Recovery(++_recoveries) { Reason = $"rank {from}: {failed.Reason}" };
    }

    private void OnStopped(int from, StoppedMessage stopped)
    {
        if (Recovery is { IsStopping: true, IsWriting: false } recovery && stopped.Recovery == recovery.Id)
            recovery.Answers[from] = stopped;
    }

    // Called again whenever a fact has changed, until the view is written.
    private void AdvanceRecovery(List<RankEffect> effects)
    {
        var recovery = Recovery!;
        if (!recovery.IsStopping)
        {
            recovery.IsStopping = true;
            var previous = _settledEpoch >= _record.View.Epoch ? [] : _record.PreviousMembers;
            recovery.Targets = [.. _record.View.Members.Concat(previous).DistinctBy(target => target.Rank)];
            foreach (var target in recovery.Targets)
            {
                if (target.Rank == member.Rank || member.IsConnected(target))
                    effects.Add(RankEffect.Send(target.Rank, new StopMessage(_record.View.Epoch, recovery.Id)));
            }
        }

        if (recovery.IsWriting || !AllAnswered(recovery))
            return;
        var evicted = _record.View.Members.Where(other => _lost.Contains(other.Rank)).Select(other => other.Rank).ToHashSet();
        var placement = evicted.Count == 0 ? _record.View.Placement : Without(_record.View.Placement, evicted);
        var members = _record.View.Members.Where(other => !evicted.Contains(other.Rank)).ToArray();
        if (placement.FindMissing() is not null || (members.Length < options.MinRanks && !_record.View.IsTerminal))
            return; // not runnable without them: waits until they are back
        var answers = recovery.Answers.Values.Where(answer => !answer.IsFresh).Select(answer => answer.LastCompleted);
        var view = new GroupView(
            _record.View.Epoch + 1,
            rules.StartStep(answers),
            Succession.NextCoordinator(_record.View, members.Select(other => other.Rank)),
            members,
            placement,
            _record.View.IsTerminal);
        recovery.IsWriting = true;
        var previousMembers = recovery.Targets.Where(target => !_lost.Contains(target.Rank));
        if (evicted.Count > 0 && Operation is { CanAbort: true } operation)
            operation.AbortReason ??= $"rank {string.Join(", ", evicted)} was evicted";
        Write(_record with { View = view, PreviousMembers = [.. previousMembers] }, Scaling.WritePurpose.Recover, effects);
    }

    /// <summary>Every member that is not lost has stopped and can reach every other one; leavers only need to have stopped.</summary>
    private bool AllAnswered(Recovery recovery)
    {
        foreach (var target in recovery.Targets)
        {
            if (_lost.Contains(target.Rank))
                continue;
            if (!recovery.Answers.TryGetValue(target.Rank, out var answer))
                return false;
            var isMember = _record.View.Contains(target.Rank);
            foreach (var other in _record.View.Members)
            {
                if (isMember && other.Rank != target.Rank && !_lost.Contains(other.Rank) && !answer.Connected.Contains(other.Rank))
                    return false;
            }
        }

        return true;
    }

    private void OnRecovered(TimeSpan now, List<RankEffect> effects)
    {
        var recovery = Recovery!;
        Recovery = null;
        _recoveredEpoch = _record.View.Epoch;
        var start = new StartMessage(_record.View, _record.View.StartStep, Operation?.Id ?? "", Operation?.Pending.CommittedViews ?? 0);
        SendStart(start, [.. recovery.Targets.Select(target => target.Rank)], effects);

        if (Operation is { AbortReason: null, Stage: OperationPhase.Loading or OperationPhase.Draining })
            SendPrepare(effects);
        if (_record.View.Coordinator != member.Rank)
            StandDown();
        Advance(now, effects);
    }

    /// <summary>Sends Start now, and again when a link is back, until the view is settled.</summary>
    private void SendStart(StartMessage start, ImmutableArray<int> targets, List<RankEffect> effects)
    {
        (_start, _startTargets) = (start, targets);
        foreach (var target in targets)
        {
            if (!_lost.Contains(target))
                effects.Add(RankEffect.Send(target, start));
        }
    }

    private static ExpertPlacement Without(ExpertPlacement placement, HashSet<int> evicted)
    {
        var ranks = placement.Ranks.ToArray().Where(rank => !evicted.Contains(rank)).ToArray();
        var slots = Enumerable.Range(0, placement.Layers)
            .Select(layer => ranks.Select(rank => placement.GetSlots(layer, rank).ToArray()).ToArray())
            .ToArray();
        return new ExpertPlacement(placement.Experts, ranks, slots);
    }
}
