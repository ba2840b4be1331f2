using ElasticEp.Events;
using ElasticEp.Membership;
using ElasticEp.Protocol;

namespace ElasticEp.Steps;

/// <summary>The member's side of recovery: report trouble, end the attempt when told to stop, go on where told to start.</summary>
internal sealed partial class MemberCore
{
    private readonly SortedDictionary<int, long> _connected = []; // peer → its incarnation
    private readonly HashSet<int> _lost = [];
    private readonly SortedDictionary<int, long> _stops = []; // who said Stop → its recovery; all of them are answered
    private long _stopEpoch;
    private bool _hasClosed;
    private (int Peer, string Reason)? _trouble;

    /// <summary>Who is to lead a recovery, as far as this rank knows.</summary>
    public int Proposer => Succession.Proposer(View, _lost);

    /// <summary>Whether there is a connection to a rank.</summary>
    public bool IsConnected(int peer) => _connected.ContainsKey(peer);

    /// <summary>Whether there is a connection to this very incarnation of a rank.</summary>
    public bool IsConnected(GroupMember peer) => _connected.TryGetValue(peer.Rank, out var incarnation) && incarnation == peer.Incarnation;

    /// <summary>This rank said goodbye to a peer.</summary>
    public void OnDisconnected(int peer) => _connected.Remove(peer);

    public void OnStop(int from, StopMessage stop, List<RankEffect> effects)
    {
        if (stop.Epoch < View.Epoch)
            return;
        _stops[from] = stop.Recovery;
        _stopEpoch = Math.Max(_stopEpoch, stop.Epoch);
        effects.Add(new RankEffect(RankEffectKind.Fence) { Epoch = stop.Epoch });
        if (Phase == MemberPhase.Gone)
        {
            // A leaver has nothing to stop, but it says what it completed.
            SendStopped(effects);
            _stops.Clear();
            return;
        }

        if (_isDelegateInside && Phase is MemberPhase.Running or MemberPhase.Closing)
        {
            _hasClosed = Phase == MemberPhase.Closing;
            if (rules.StopCancelsDelegate(_hasClosed))
                effects.Add(Abort("The group stopped the attempt to recover."));
        }
        else if (Phase == MemberPhase.Closing)
        {
            _hasClosed = true;
        }

        if (rules.MayAnswerStop(_isDelegateInside))
            AnswerStop(effects);
        else if (Phase != MemberPhase.Stopping)
            Phase = MemberPhase.Stopping;
    }

    public void OnStart(StartMessage start, List<RankEffect> effects)
    {
        // The answer to Stop promised never to complete a step of that epoch: its Start comes too late.
        if (start.View.Epoch <= Math.Max(View.Epoch, _stopEpoch) || Phase == MemberPhase.Gone)
            return;
        if (_isDelegateInside)
        {
            effects.Add(new RankEffect(RankEffectKind.Fail) { Payload = $"Rank {Rank} was told to start {start.View} while its delegate of step {Step} was still running." });
            return;
        }

        // A leaver need not keep up with steps of the view that it is not in.
        var isLeaver = !start.View.Contains(Rank);
        var isBehind = _hasClosed && (start.Step == Step + 1 || (isLeaver && start.Step > Step));
        if (!IsFresh && !isLeaver && start.Step != LastCompleted + 1 && !isBehind)
        {
            effects.Add(new RankEffect(RankEffectKind.Fail) { Payload = $"Rank {Rank} completed step {LastCompleted} and was told to start with step {start.Step}." });
            return;
        }

        if (isBehind)
        {
            effects.Add(new RankEffect(RankEffectKind.CloseStep) { Epoch = View.Epoch, Step = Step });
            LastCompleted = Step;
            IsFresh = false;
            Return(true, _tailFailure, effects);
        }
        else if (IsFresh)
        {
            LastCompleted = start.Step - 1;
        }

        _stops.Clear();
        _hasClosed = false;
        _trouble = null;
        Enter(start.View, start.Step, start.Operation, start.CommittedViews, effects);
        if (Phase != MemberPhase.Gone)
            BecomeDue(start.Step, effects);
    }

    private void OnStoppingEnded(Exception? failure, bool isOwnFailure, List<RankEffect> effects)
    {
        if (_hasClosed)
        {
            if (failure is not null)
                _tailFailure = new StepFailedException(Step, Attempt, false, failure);
            if (rules.IsComplete(_isDelegateInside, _ended.Count, View.Members.Length))
            {
                // Every StepEnd came before this rank promised anything: the step is complete here.
                _hasClosed = false;
                CompleteWithoutSuccessor(effects);
            }
        }
        else if (isOwnFailure)
        {
            Return(false, new StepFailedException(Step, Attempt, true, failure!), effects);
        }

        AnswerStop(effects);
    }

    private void CompleteWithoutSuccessor(List<RankEffect> effects)
    {
        LastCompleted = Step;
        IsFresh = false;
        effects.Add(new RankEffect(RankEffectKind.CloseStep) { Epoch = View.Epoch, Step = Step });
        Return(true, _tailFailure, effects);
    }

    private void AnswerStop(List<RankEffect> effects)
    {
        Phase = MemberPhase.Stopped;
        SendStopped(effects);
    }

    private void OnLinkLost(in RankEvent e, List<RankEffect> effects)
    {
        // A connection that a newer one has replaced says nothing about the newer one.
        if (!_connected.TryGetValue(e.Peer, out var incarnation) || incarnation != e.Number)
            return;
        _connected.Remove(e.Peer);
        OnTrouble(e.Peer, $"the link to rank {e.Peer} was lost: {e.Detail}", effects);
    }

    private void SendStopped(List<RankEffect> effects)
    {
        foreach (var (from, recovery) in _stops)
            effects.Add(RankEffect.Send(from, new StoppedMessage(recovery, LastCompleted, IsFresh, [.. _connected.Keys])));
    }

    private void OnTrouble(int lostPeer, string reason, List<RankEffect> effects)
    {
        var isLeader = _stops.ContainsKey(lostPeer) && Phase is (MemberPhase.Stopping or MemberPhase.Stopped);
        if (lostPeer != -1 && !View.Contains(lostPeer) && !isLeader)
            return;
        if (Phase is MemberPhase.Parked or MemberPhase.Gone)
            return;
        if (Phase == MemberPhase.Running)
        {
            Phase = MemberPhase.Broken;
            effects.Add(Abort(reason));
        }

        ReportTrouble(lostPeer, reason, effects);
    }

    private void ReportTrouble(int lostPeer, string reason, List<RankEffect> effects)
    {
        _isTroubleReported = true;
        _trouble = (lostPeer, reason);
        if (_hasGroupEnded)
        {
            Leave(effects);
            return;
        }

        effects.Add(RankEffect.Send(Proposer, new StepFailedMessage(View.Epoch, Step, lostPeer, reason)));
    }

    private void OnRankLost(in RankEvent e, List<RankEffect> effects)
    {
        if (_lost.Add(e.Peer))
            OnTrouble(e.Peer, $"rank {e.Peer} is lost: {e.Detail}", effects);
    }

    private void OnLinkUp(int peer, long incarnation, List<RankEffect> effects)
    {
        _connected[peer] = incarnation;
        if (View.Find(peer) is { } known && known.Incarnation != incarnation)
            return; // another process under a member's number
        _lost.Remove(peer);
        if (Phase == MemberPhase.Stopped)
            SendStopped(effects);
        else if (_trouble is { } trouble && peer == Proposer && Phase != MemberPhase.Gone)
            effects.Add(RankEffect.Send(Proposer, new StepFailedMessage(View.Epoch, Step, trouble.Peer, trouble.Reason)));
    }
}
