using ElasticEp.Events;
using ElasticEp.Membership;
using ElasticEp.Protocol;
using ElasticEp.Steps;

namespace ElasticEp.Scaling;

/// <summary>
/// Leads recoveries: an attempt could not complete somewhere, so all stop, agree where to go on, and start under a new epoch. Pure. It
/// acts only while the record is known and nothing is being written.
/// </summary>
internal sealed class RecoveryCore(ElasticEpOptions options, MemberCore member, PeerLinks links, RecordWriter writer, StartRepeater starts, StepRules rules)
{
    /// <summary>How long the Start of another rank that has won the compare-and-set is waited for.</summary>
    public static readonly TimeSpan SilenceTime = TimeSpan.FromSeconds(1.75);

    private long _recoveries;
    private long _recoveredEpoch;

    public Recovery? Current { get; private set; }

    /// <summary>When a tick is wanted, or null.</summary>
    public TimeSpan? WakeAt => Current is { Phase: RecoveryPhase.Following } following ? following.FollowUntil : null;

    private GroupRecord Record => writer.Record;

    /// <summary>A member reports that its attempt cannot complete.</summary>
    /// <returns>Whether a recovery begins hereby.</returns>
    public bool OnStepFailed(MemberId from, StepFailedMessage failed, List<RankEffect> effects)
    {
        if (member.View.StartStep > 0 && failed.Epoch < member.View.Epoch)
        {
            member.RepeatStart(from, failed.Epoch, effects); // there was a recovery since; its Start may be lost
            return false;
        }

        if (Current is { Phase: not RecoveryPhase.Writing } recovery && failed.Epoch > Record.View.Epoch)
        {
            Begin(from, recovery.Reason); // it has entered a view that is later than the record that this recovery knows
            return true;
        }

        // The sender may be a view ahead or behind and know another coordinator: whoever gets the report leads, the store fences.
        if (failed.Epoch == 0 || failed.Epoch < _recoveredEpoch || Current is not null)
            return false; // a link that is still missing after the Start makes trouble again
        Begin(from, $"{from}: {failed.Reason}");
        return true;
    }

    public void OnStopped(MemberId from, StoppedMessage stopped, List<RankEffect> effects)
    {
        if (Current is { Phase: RecoveryPhase.Stopping } recovery && stopped.Recovery == recovery.Id)
        {
            if (stopped.Entered > Record.View.Epoch)
                Begin(from, recovery.Reason); // the record has gone on since it was read
            else
                recovery.Answers[from] = stopped;
        }
        else if (Current is null)
        {
            member.RepeatStart(from, stopped.Entered, effects);
        }
    }

    /// <summary>A target that is no member of this rank's view is wanted all the same: it gets Stop again, or turns out to be lost.</summary>
    public void OnLinkLost(MemberId peer, List<RankEffect> effects)
    {
        if (Current is { Phase: RecoveryPhase.Stopping } recovery && recovery.Targets.FirstOrDefault(target => target.Id == peer) is { } wanted)
            effects.Add(new Reconnect(wanted));
    }

    public void OnLinkUp(MemberId peer, List<RankEffect> effects)
    {
        if (Current is { Phase: RecoveryPhase.Stopping } recovery && recovery.Targets.Any(target => target.Id == peer))
            effects.Add(RankEffect.Send(peer, new StopMessage(Record.View.Epoch, recovery.Id)));
    }

    /// <summary>This rank enters a view: somebody has led a recovery, or there is none to lead any more.</summary>
    public void OnEntered(GroupView view)
    {
        if (view.StartStep > 0 && (Record.View.Epoch < view.Epoch || Current is { Phase: RecoveryPhase.Following }))
            Current = null;
    }

    public void OnTick(TimeSpan now)
    {
        if (WakeAt <= now)
            Begin(Current!.Reporter, Current.Reason); // no Start has come
    }

    /// <summary>Somebody else has written the record. A recovery of theirs is followed; after anything else this one begins again.</summary>
    public void OnRefused(TimeSpan now)
    {
        if (Current is not { } recovery)
            return;
        var isRecovered = Record.View.StartStep > 0 && Record.View.Epoch > member.View.Epoch;
        Begin(recovery.Reporter, recovery.Reason);
        if (isRecovered)
            (Current.Phase, Current.FollowUntil) = (RecoveryPhase.Following, now + SilenceTime);
    }

    public void Forget() => Current = null;

    /// <summary>Called again whenever a fact has changed, until the view is written.</summary>
    public void Advance(List<RankEffect> effects)
    {
        if (Current is not { } recovery)
            return;
        if (Record.View.IsTerminal)
        {
            Current = null; // the group has ended: there is nothing to run again
            member.EndGroup(effects);
            return;
        }

        if (recovery.Phase == RecoveryPhase.Reading && Targets().All(target => target.Id != recovery.Reporter))
        {
            Current = null; // it is in no view that anybody needs: its trouble is its own
            effects.Add(RankEffect.Send(recovery.Reporter, new CompletedMessage(Record.View.Epoch)));
            return;
        }

        if (recovery.Phase == RecoveryPhase.Reading)
            SendStop(recovery, effects);
        if (recovery.Phase == RecoveryPhase.Stopping && HaveAllAnswered(recovery))
            Write(recovery, effects);
    }

    /// <summary>The view is durable: everybody who was stopped is started.</summary>
    /// <param name="operation">The operation under way, or null.</param>
    /// <param name="effects">Gets the messages.</param>
    public void OnWritten(PendingOperation? operation, List<RankEffect> effects)
    {
        if (Current is not { } recovery)
            return; // another proposer wrote the very same, and has started it
        Current = null;
        _recoveredEpoch = Record.View.Epoch;
        var targets = recovery.Targets.Select(target => target.Id).Where(target => !links.IsLost(target));
        starts.Send(StartOf(Record.View, operation), targets, effects);
    }

    /// <summary>Starts a view that is durable and not Completed again, for a rank that coordinates it and did not lead the recovery itself.</summary>
    public void StartAgain(List<RankEffect> effects)
    {
        if (Record.View.StartStep > 0 && !Record.IsCompleted && Record.View.Epoch == member.View.Epoch)
            starts.Send(StartOf(Record.View, Record.Pending), Targets().Select(target => target.Id).Where(target => target != member.Self && !links.IsLost(target)), effects);
    }

    [System.Diagnostics.CodeAnalysis.MemberNotNull(nameof(Current))]
    private void Begin(MemberId reporter, string reason)
    {
        Current = new Recovery(++_recoveries, reporter, reason);
        writer.Doubt();
    }

    private void SendStop(Recovery recovery, List<RankEffect> effects)
    {
        recovery.Phase = RecoveryPhase.Stopping;
        recovery.Targets = [.. Targets()];
        foreach (var target in recovery.Targets)
        {
            if (target.Id == member.Self || links.IsConnected(target.Id))
                effects.Add(RankEffect.Send(target.Id, new StopMessage(Record.View.Epoch, recovery.Id)));
            else
                effects.Add(new Reconnect(target)); // it gets Stop when it is connected, or turns out to be lost
        }
    }

    /// <summary>The members of the highest durable view and of the last Completed one, those excepted that were evicted.</summary>
    private IEnumerable<GroupMember> Targets() => Record.View.Members.Concat(Record.Leavers);

    /// <summary>Every member that is not lost has stopped and can reach every other one; leavers only need to have stopped.</summary>
    private bool HaveAllAnswered(Recovery recovery)
    {
        foreach (var target in recovery.Targets.Where(target => !links.IsLost(target.Id)))
        {
            if (!recovery.Answers.TryGetValue(target.Id, out var answer))
                return false;
            var isMember = Record.View.Contains(target.Id);
            foreach (var other in Record.View.Members)
            {
                if (isMember && other.Id != target.Id && !links.IsLost(other.Id) && !answer.Connected.Contains(other.Id))
                    return false;
            }
        }

        return true;
    }

    private void Write(Recovery recovery, List<RankEffect> effects)
    {
        var evicted = Record.View.Members.Where(other => links.IsLost(other.Id)).ToArray();
        var members = Record.View.Members.Except(evicted).ToArray();
        var placement = evicted.Length == 0 ? Record.View.Placement : Without(Record.View.Placement, evicted);
        if (placement.FindMissing() is not null || members.Length < options.MinRanks)
            return; // not runnable without them: waits until they are back
        var lostLeavers = Record.Leavers.Where(leaver => links.IsLost(leaver.Id));
        var view = new GroupView(
            Record.View.Epoch + 1,
            StartPoint.Of(Record, recovery.Answers, links.IsLost, rules),
            Succession.NextCoordinator(Record.View, members),
            members,
            placement);
        recovery.Phase = RecoveryPhase.Writing;
        var next = Record.WithNext(view);
        writer.Write(next with { Evicted = [.. next.Evicted, .. evicted.Concat(lostLeavers).Select(other => other.Id)] }, WritePurpose.Recover, effects);
    }

    private static StartMessage StartOf(GroupView view, PendingOperation? operation) => new(view, view.StartStep, operation?.Id ?? "", operation?.CommittedViews ?? 0);

    private static ExpertPlacement Without(ExpertPlacement placement, GroupMember[] evicted)
    {
        var ranks = placement.Ranks.ToArray().Where(rank => !Array.Exists(evicted, member => member.Rank == rank)).ToArray();
        var slots = Enumerable.Range(0, placement.Layers)
            .Select(layer => ranks.Select(rank => placement.GetSlots(layer, rank).ToArray()).ToArray())
            .ToArray();
        return new ExpertPlacement(placement.Experts, ranks, slots);
    }
}
