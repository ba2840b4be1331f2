using System.Collections.Immutable;
using ElasticEp.Events;
using ElasticEp.Membership;
using ElasticEp.Protocol;

namespace ElasticEp.Steps;

/// <summary>The member's side of recovery: report trouble, end the attempt on Stop, go on where Start says.</summary>
internal sealed partial class MemberCore
{
    private readonly Dictionary<MemberId, long> _stops = []; // who sent Stop → its recovery; all of them are answered
    private long _stopEpoch;
    private long? _closed; // the last step whose own exchanges are complete, or the one before the step that this rank was started with
    private long _closedEpoch; // under which it closed that step itself; zero when it did not
    private StartMessage? _startedBy; // how this rank entered the view in use, if by Start
    private (MemberId? Peer, string Reason)? _trouble;
    private TimeSpan _reportedAt; // when the trouble was reported last
    private TimeSpan _stoppedSince; // when this rank answered the last Stop, or reported that no Start came of it

    /// <summary>Who loads experts of the view in use again.</summary>
    public ImmutableArray<int> Reloading => _startedBy?.Reloading ?? [];

    /// <summary>Who is to lead a recovery, as far as this rank knows.</summary>
    public MemberId? RecoveryLeader => rules.Leader(View, peers);

    /// <summary>Why this rank does not answer Stop.</summary>
    public string Hindrance => _isLoadStuck ? "its load of lost experts gets no further" : _isAbsent ? "its app does not call RunStepAsync" : "its delegate does not end";

    public void OnStop(MemberId from, StopMessage stop, TimeSpan now, List<RankEffect> effects)
    {
        if (stop.Epoch < View.Epoch)
        {
            effects.Add(SendStopped(from, stop.Recovery)); // its record is old: it has to read it again
            return;
        }

        _stops[from] = stop.Recovery;
        _stoppedSince = now;
        peers.Withdraw(from, LossReason.NoStart); // it leads, and has to wait
        _stopEpoch = Math.Max(_stopEpoch, stop.Epoch);
        effects.Add(new Fence(stop.Epoch));
        if (Phase == MemberPhase.Gone)
        {
            // A leaver has nothing to stop, but it reports what it closed.
            AnswerStops(effects);
            _stops.Clear();
            return;
        }

        if (_isDelegateInside && Phase is MemberPhase.Running or MemberPhase.Closing && rules.StopCancelsDelegate(HasClosed))
            effects.Add(Abort("The group stopped the attempt to recover."));
        Phase = MemberPhase.Stopping;
        AnswerIfItMay(now, effects);
    }

    public void OnStart(StartMessage start, List<RankEffect> effects)
    {
        // The answer to Stop promised never to complete a step of that epoch: its Start comes too late.
        if (start.View.Epoch <= Math.Max(View.Epoch, _stopEpoch) || Phase == MemberPhase.Gone)
            return;
        if (_isDelegateInside && !start.View.Contains(Self))
        {
            Leave(effects); // it was not waited for: the group goes on without this rank
            return;
        }

        if (_isDelegateInside)
        {
            effects.Add(new Fail($"Rank {Self.Rank} got Start of {start.View} while its delegate of step {Step} was still running."));
            return;
        }

        // A leaver need not keep up with steps of the view that it is not in.
        var isLeaver = !start.View.Contains(Self);
        var isBehind = HasClosed && Step > LastCompleted && (start.Step == Step + 1 || (isLeaver && start.Step > Step));
        if (!IsFresh && !isLeaver && start.Step != LastCompleted + 1 && !isBehind)
        {
            effects.Add(new Fail($"Rank {Self.Rank} completed step {LastCompleted} and got Start with step {start.Step}."));
            return;
        }

        if (isBehind)
            CompleteWithoutSuccessor(effects); // every kept member has closed the step, so nobody misses anything of it
        else if (IsFresh)
            LastCompleted = start.Step - 1;
        _stops.Clear();
        (_closed, _closedEpoch) = (start.Step - 1, 0);
        _trouble = null;
        Enter(start.View, start.Step, start.Operation, start.CommittedViews, start.Reloading, effects);
        _startedBy = start;
        if (Phase != MemberPhase.Gone)
            BecomeDue(start.Step, effects);
    }

    /// <summary>A peer that is still in an earlier view may have missed its Start: whoever was started by the same one repeats it.</summary>
    public void RepeatStart(MemberId peer, long epoch, List<RankEffect> effects)
    {
        if (_startedBy is { } start && start.View.BeginsWithStart && epoch < start.View.Epoch && peer != Self)
            effects.Add(RankEffect.Send(peer, start));
    }

    /// <summary>
    /// The record has a view with this rank, which nobody has let in yet. Those of its members who have been in a step will do it; without
    /// such members the coordinator that leaves, and at a birth the coordinator. When they are lost, the lowest of the others is to lead.
    /// </summary>
    public void ReportIfAbandoned(GroupRecord record, List<RankEffect> effects)
    {
        if (View.Epoch != 0 || Phase == MemberPhase.Gone || !record.View.Contains(Self) || record.View.IsTerminal || record.LastCompleted is not { } completed)
            return;
        var leaders = completed.Members.Where(member => record.View.Contains(member.Id)).ToArray();
        if (leaders.Length == 0)
        {
            var led = completed.Members.IsEmpty ? record.View : completed;
            leaders = [led.Find(led.Coordinator)!];
        }

        if (!Array.TrueForAll(leaders, leader => peers.IsLost(leader.Id)))
            return;
        var lowest = record.View.Members.First(member => !peers.IsLost(member.Id)).Id;
        effects.Add(RankEffect.Send(lowest, new StepFailedMessage(record.View.Epoch, 0, null, $"nobody is left who could let {Self} into {record.View}")));
    }

    /// <summary>A connection has ended. That ends the attempt at once; when the peer is found to be lost, <see cref="OnPeerLost"/> reports it again, to who leads then.</summary>
    public void OnLinkLost(LinkLost e, TimeSpan now, List<RankEffect> effects)
    {
        if (_early.TryGetValue(e.Peer, out var early) && early.Epoch > View.Epoch)
            _early.Remove(e.Peer); // nothing is kept for processes that come and go
        OnTrouble(e.Peer, $"the link to {e.Peer} was lost ({e.Reason}): {e.Detail}", now, effects);
    }

    /// <summary>A peer is taken to have ended.</summary>
    public void OnPeerLost(PeerLost e, TimeSpan now, List<RankEffect> effects) => OnTrouble(e.Peer, $"{e.Peer} is lost ({e.Reason}): {e.Detail}", now, effects);

    /// <summary>
    /// This rank has entered a view. A member that was lost when the view was being written is not lost again, and nothing would begin a recovery
    /// before a step's deadline, or ever, if experts of that member are waited for.
    /// </summary>
    public void ReportIfAnyIsLost(TimeSpan now, List<RankEffect> effects)
    {
        if (View.Members.FirstOrDefault(other => other.Id != Self && peers.IsLost(other.Id)) is { } lost)
            OnTrouble(lost.Id, $"{lost.Id} was lost before {View} was entered", now, effects);
    }

    /// <summary>A connection is up: what was sent over the one before may be lost.</summary>
    public void OnLinkUp(MemberId peer, List<RankEffect> effects)
    {
        if (Phase is MemberPhase.Parked or MemberPhase.Gone)
            return;
        if (Phase == MemberPhase.Stopped)
        {
            AnswerStops(effects);
            return;
        }

        RepeatLoaded(peer, effects);
        if (_trouble is { } trouble && peer == LeaderFor(trouble.Peer))
            effects.Add(RankEffect.Send(peer, new StepFailedMessage(View.Epoch, Step, trouble.Peer, trouble.Reason)));
    }

    private bool HasClosed => _closed == Step;

    private void OnStoppingEnded(Exception? failure, bool isOwnFailure, TimeSpan now, List<RankEffect> effects)
    {
        if (HasClosed)
        {
            if (failure is not null)
                _tailFailure = new StepFailedException(Step, Attempt, false, failure);
            if (rules.IsComplete(_isDelegateInside, _ended.Count, View.Members.Length))
                CompleteWithoutSuccessor(effects); // every StepEnd came before this rank promised anything: the step is complete here
        }
        else if (isOwnFailure)
        {
            Return(false, new StepFailedException(Step, Attempt, true, failure!), effects);
        }

        AnswerIfItMay(now, effects);
    }

    private void CompleteWithoutSuccessor(List<RankEffect> effects)
    {
        LastCompleted = Step;
        IsFresh = false;
        effects.Add(RankEffect.CompleteStep(View, Step));
        Return(true, _tailFailure, effects);
    }

    /// <summary>Answers Stop, unless the delegate is inside or the others are to go on without this rank.</summary>
    private void AnswerIfItMay(TimeSpan now, List<RankEffect> effects)
    {
        if (Phase != MemberPhase.Stopping || !rules.MayAnswerStop(_isDelegateInside) || _isLoadStuck || _isAbsent)
            return;
        Phase = MemberPhase.Stopped;
        _stoppedSince = now;
        AnswerStops(effects);
    }

    private void AnswerStops(List<RankEffect> effects)
    {
        foreach (var (from, recovery) in _stops)
            effects.Add(SendStopped(from, recovery));
    }

    private RankEffect SendStopped(MemberId to, long recovery) => RankEffect.Send(to, new StoppedMessage(recovery, View.Epoch, _closed, _closedEpoch, [.. peers.Connected], [.. peers.Alive]));

    /// <summary>This process was late itself: whatever it waits for gets that time in addition.</summary>
    public void Excuse(TimeSpan late) => (_stoppedSince, _closingSince, _reportedAt, _absentSince) = (_stoppedSince + late, _closingSince + late, _reportedAt + late, _absentSince + late);

    /// <summary>Stop was answered, and neither Start nor another Stop has come: whoever sent it does not lead any more.</summary>
    private void ReportMissingStart(TimeSpan now)
    {
        _stoppedSince = now;
        foreach (var leader in _stops.Keys.Where(leader => leader != Self))
            peers.Report(leader, LossReason.NoStart, $"no Start came within {StartPatience} of its Stop", now);
    }

    private void OnTrouble(MemberId? peer, string reason, TimeSpan now, List<RankEffect> effects)
    {
        var hasSentStop = peer is { } lost && _stops.ContainsKey(lost) && Phase is (MemberPhase.Stopping or MemberPhase.Stopped);
        if (peer is { } other && !View.Contains(other) && !hasSentStop)
            return;
        if (Phase is MemberPhase.Parked or MemberPhase.Gone)
            return;
        if (Phase == MemberPhase.Running)
        {
            Phase = MemberPhase.Broken;
            effects.Add(Abort(reason));
        }

        ReportTrouble(peer, reason, now, effects);
    }

    private void ReportTrouble(MemberId? peer, string reason, TimeSpan now, List<RankEffect> effects)
    {
        _isTroubleReported = true;
        (_trouble, _reportedAt) = ((peer, reason), now);
        if (_hasGroupEnded)
            Leave(effects);
        else if (LeaderFor(peer) is { } leader)
            effects.Add(RankEffect.Send(leader, new StepFailedMessage(View.Epoch, Step, peer, reason)));
    }

    /// <summary>Who is to lead because of a peer, if it is one: when this rank is in the way itself, another one.</summary>
    private MemberId? LeaderFor(MemberId? peer) => peer == Self && RecoveryLeader == Self
        ? View.Members.FirstOrDefault(other => other.Id != Self && !peers.IsLost(other.Id))?.Id
        : RecoveryLeader;
}
