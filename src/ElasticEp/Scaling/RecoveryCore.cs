using ElasticEp.Events;
using ElasticEp.Membership;
using ElasticEp.Protocol;
using ElasticEp.Steps;

namespace ElasticEp.Scaling;

/// <summary>
/// Leads recoveries: an attempt could not complete somewhere, so all stop, agree where to go on, and start under a new epoch. Pure. It
/// acts only while the record is known and nothing is being written.
/// </summary>
internal sealed partial class RecoveryCore(ElasticEpOptions options, MemberCore member, PeerCore peers, RecordWriter writer, StartRepeater starts, StepRules rules)
{
    private readonly RecoveryTimer _timer = new();
    private long _recoveries;
    private long _recoveredEpoch;
    private TimeSpan _resignedUntil; // this rank could not do what it demands of others: until then the next one leads

    public Recovery? Current { get; private set; }

    /// <summary>When a tick is wanted, or null.</summary>
    public TimeSpan? WakeAt => Current?.WakeAt is { } at && at < TimeSpan.MaxValue ? at : null;

    /// <summary>Whom this recovery needs to be connected to.</summary>
    public IEnumerable<GroupMember> Wanted => Current is { } recovery ? recovery.Targets : [];

    private GroupRecord Record => writer.Record;

    /// <summary>A member reports that its attempt cannot complete.</summary>
    /// <returns>Whether a recovery begins hereby.</returns>
    public bool OnStepFailed(MemberId from, StepFailedMessage failed, TimeSpan now, List<RankEffect> effects)
    {
        if (failed.Lost == from && failed.Epoch >= member.View.Epoch)
            peers.Report(from, LossReason.Stuck, failed.Reason, now); // it led and cannot stop itself, or it cannot load what it has to
        if (now < _resignedUntil && Record.View.Members.Any(other => other.Id != member.Self && !peers.IsLost(other.Id)))
            return false; // its successor leads
        if (member.View.BeginsWithStart && failed.Epoch < member.View.Epoch)
        {
            member.RepeatStart(from, failed.Epoch, effects); // there was a recovery since; its Start may be lost
            return false;
        }

        if (Current is { Phase: not RecoveryPhase.Writing } recovery && failed.Epoch > Record.View.Epoch)
        {
            Begin(from, recovery.Reason, now); // it has entered a view that is later than the record that this recovery knows
            return true;
        }

        // The sender may be a view ahead or behind and know another coordinator: whoever gets the report leads, the store fences.
        if (failed.Epoch == 0 || failed.Epoch < _recoveredEpoch || Current is not null)
            return false; // a link that is still missing after the Start makes trouble again
        Begin(from, $"{from}: {failed.Reason}", now);
        return true;
    }

    public void OnStopped(MemberId from, StoppedMessage stopped, TimeSpan now, List<RankEffect> effects)
    {
        if (Current is { Phase: RecoveryPhase.Stopping } recovery && stopped.Recovery == recovery.Id)
        {
            if (stopped.Entered > Record.View.Epoch && writer.IsRestoring)
                LetRestore(recovery, from, now, effects);
            else if (stopped.Entered > Record.View.Epoch)
                Begin(from, recovery.Reason, now); // the record has gone on since it was read
            else
                OnAnswer(recovery, from, stopped);
        }
        else if (Current is null)
        {
            member.RepeatStart(from, stopped.Entered, effects);
        }
    }

    public void OnLinkUp(MemberId peer, List<RankEffect> effects)
    {
        if (Current is { Phase: RecoveryPhase.Stopping } recovery && recovery.Targets.Any(target => target.Id == peer))
            effects.Add(RankEffect.Send(peer, recovery.Stop!));
    }

    /// <summary>This rank enters a view: somebody has led a recovery, or there is none to lead any more.</summary>
    public void OnEntered(GroupView view)
    {
        _resignedUntil = TimeSpan.Zero; // whoever led has kept this rank
        _timer.OnEntered(view.Epoch);
        if (view.BeginsWithStart && (Record.View.Epoch < view.Epoch || Current is { Phase: RecoveryPhase.Following }))
            Drop();
    }

    public void OnTick(TimeSpan now, List<RankEffect> effects)
    {
        if (WakeAt is not { } due || due > now)
            return;
        var recovery = Current!;
        if (recovery.Phase == RecoveryPhase.Following)
        {
            Begin(member.Self, recovery.Reason, now); // no Start has come: that is trouble of this rank, whoever reported any before, and may have been evicted for it
            return;
        }

        if (recovery.RepeatAt <= now)
            Repeat(recovery, now, effects);
        if (recovery.Phase == RecoveryPhase.Stopping && recovery.ReadAgainAt <= now)
            ReadAgain(recovery);
        if (recovery.RestoreAt <= now)
            (recovery.HasWaited, recovery.RestoreAt) = (true, null);
        if (recovery.Phase == RecoveryPhase.Stopping && recovery.LinksBy <= now)
            ReportCutOff(recovery, now, effects);
        if (Current == recovery && recovery.Phase == RecoveryPhase.Stopping && recovery.AnswerBy <= now)
            ReportUnanswered(recovery, now, effects);
    }

    /// <summary>This process was late itself.</summary>
    public void Excuse(TimeSpan late) => Current?.Excuse(late);

    /// <summary>Somebody else has written the record. A recovery of theirs is followed; after anything else this one begins again.</summary>
    public void OnRefused(TimeSpan now)
    {
        if (Current is not { } recovery)
            return;
        var isRecovered = Record.View.BeginsWithStart && Record.View.Epoch > member.View.Epoch;
        Begin(recovery.Reporter, recovery.Reason, now);
        if (isRecovered)
            Follow(Current, now);
    }

    public void Forget() => Drop();

    /// <summary>Called again whenever a fact has changed, until the view is written.</summary>
    public void Advance(TimeSpan now, List<RankEffect> effects)
    {
        if (Current is not { } recovery)
            return;
        if (Record.View.IsTerminal)
        {
            Drop(); // the group has ended: there is nothing to run again
            member.EndGroup(effects);
            return;
        }

        if (recovery.Phase == RecoveryPhase.Reading && !Record.Needs(recovery.Reporter))
        {
            Drop(); // it is in no view that anybody needs: its trouble is its own
            effects.Add(RankEffect.Send(recovery.Reporter, new CompletedMessage(Record.View.Epoch)));
            return;
        }

        if (recovery.Phase == RecoveryPhase.Stopping && recovery.Epoch != Record.View.Epoch)
        {
            Begin(recovery.Reporter, recovery.Reason, now); // the record has gone on since Stop was sent
            return;
        }

        if (recovery.Phase == RecoveryPhase.Reading)
            SendStop(recovery, now, effects);
        if (recovery.Phase != RecoveryPhase.Stopping)
            return;
        var survivors = Survivors(recovery);
        if (!HaveAllAnswered(recovery))
            (recovery.LinksBy, recovery.ReadAgainAt) = (null, null);
        else if (!survivors.AreLinked)
            recovery.LinksBy ??= now + peers.SilenceTime;
        else if (!survivors.AnyUnreachable)
            Write(recovery, now, effects);
        else if (ReportCutOff(recovery, now, effects)) // the link has been down for the silence time already
            Advance(now, effects);
    }

    /// <summary>The view is durable: everybody who was stopped is started.</summary>
    public void OnWritten(TimeSpan now, List<RankEffect> effects)
    {
        _timer.OnWritten(Record.View.Epoch, now);
        if (Current is not { } recovery)
            return; // another proposer wrote the very same, and has started it
        Current = null;
        _recoveredEpoch = Record.View.Epoch;
        var targets = recovery.Targets.Select(target => target.Id).Where(target => !peers.IsLost(target));
        starts.Send(StartOf(Record), targets, effects);
    }

    /// <summary>A step of a view is complete: if it is the first one, the recovery is over.</summary>
    public void OnStepCompleted(long epoch, TimeSpan now, List<RankEffect> effects)
    {
        if (_timer.OnCompleted(epoch, now) is { } times)
            effects.Add(new ShowRecovery(member.View, times));
    }

    /// <summary>Starts a view that is durable and not Completed again, for a rank that coordinates it and did not lead the recovery itself.</summary>
    public void StartAgain(List<RankEffect> effects)
    {
        if (Record.View.BeginsWithStart && !Record.IsCompleted && Record.View.Epoch == member.View.Epoch)
            starts.Send(StartOf(Record), Targets().Select(target => target.Id).Where(target => target != member.Self && !peers.IsLost(target)), effects);
    }

    private void Follow(Recovery recovery, TimeSpan now) => (recovery.Phase, recovery.FollowUntil, recovery.RepeatAt) = (RecoveryPhase.Following, now + peers.SilenceTime, TimeSpan.MaxValue);

    private void Drop()
    {
        Current = null;
        _timer.Drop();
    }

    [System.Diagnostics.CodeAnalysis.MemberNotNull(nameof(Current))]
    private void Begin(MemberId reporter, string reason, TimeSpan now)
    {
        _timer.OnBegun(now);
        Current = new Recovery(++_recoveries, reporter, reason) { Targets = Current?.Targets ?? [], Stop = Current?.Stop, RepeatAt = Current?.RepeatAt ?? TimeSpan.MaxValue };
        writer.Doubt();
    }

    private void SendStop(Recovery recovery, TimeSpan now, List<RankEffect> effects)
    {
        (recovery.Phase, recovery.Epoch, recovery.AnswerBy) = (RecoveryPhase.Stopping, Record.View.Epoch, now + options.StopDeadline);
        (recovery.Targets, recovery.Stop) = ([.. Targets()], new StopMessage(Record.View.Epoch, recovery.Id));
        SendStopToAll(recovery, now, effects);
    }

    private void SendStopToAll(Recovery recovery, TimeSpan now, List<RankEffect> effects)
    {
        recovery.RepeatAt = now + (options.StopDeadline / 2);
        foreach (var target in recovery.Targets.Where(target => target.Id == member.Self || peers.IsConnected(target.Id))) // others get it when they are connected
            effects.Add(RankEffect.Send(target.Id, recovery.Stop!));
    }

    /// <summary>This rank still leads, and has to wait: for the store, for members without whom the group cannot run. What it has judged is judged anew.</summary>
    private void Repeat(Recovery recovery, TimeSpan now, List<RankEffect> effects)
    {
        foreach (var target in recovery.Targets)
            peers.Withdraw(target.Id, LossReason.Cut);
        recovery.GivenUp.Clear();
        SendStopToAll(recovery, now, effects);
    }

    private void OnAnswer(Recovery recovery, MemberId from, StoppedMessage stopped)
    {
        if (!recovery.Answers.TryGetValue(from, out var before) || !before.Connected.SequenceEqual(stopped.Connected))
            recovery.LinksBy = null; // who reaches whom is looked at anew
        recovery.Answers[from] = stopped;
        peers.Withdraw(from, LossReason.Stuck);
    }

    /// <summary>More would be dropped on silence alone than are kept: the record says whether the others have gone on without this side.</summary>
    private void ReadAgain(Recovery recovery)
    {
        (recovery.HasReadAgain, recovery.ReadAgainAt) = (true, null);
        writer.Doubt();
    }

    /// <summary>The members of the highest durable view and of the last Completed one, those excepted that were evicted.</summary>
    private IEnumerable<GroupMember> Targets() => Record.View.Members.Concat(Record.Leavers);

    private Survivors Survivors(Recovery recovery) => new(Record.View, peers, recovery.Answers, recovery.GivenUp);

    private bool HaveAllAnswered(Recovery recovery) => recovery.Targets.All(target => peers.IsLost(target.Id) || recovery.Answers.ContainsKey(target.Id));
}
