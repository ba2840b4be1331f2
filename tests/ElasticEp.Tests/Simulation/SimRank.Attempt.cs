using ElasticEp.Events;
using ElasticEp.Runtime;
using ElasticEp.Steps;

namespace ElasticEp.Tests.Simulation;

/// <summary>The delegate and its exchanges: one frame per layer and member, taken only as the rules judge.</summary>
internal sealed partial class SimRank
{
    private readonly List<SimFrame> _held = [];
    private long _epoch;
    private long _step;
    private long _fence;
    private bool _isOpen;
    private SimAttempt? _attempt;

    public void OnFrame(SimFrame frame)
    {
        if (frame.Epoch <= _fence && !_world.Break.IgnoresFence)
            return;
        switch (_world.Break.Rules.Judge(frame.Header, _epoch, _step, _isOpen))
        {
            case FrameVerdict.Accept:
                Take(frame);
                break;
            case FrameVerdict.Hold:
                _held.Add(frame);
                if (_attempt is null)
                    Later(RankEvent.FrameParked(frame.Epoch, frame.Step), 100);
                break;
            case FrameVerdict.Violation:
                throw new SimulationException($"rule 1: {frame} came to rank {Rank}, which is at epoch {_epoch} step {_step}");
        }
    }

    private void StartAttempt(in RankEffect effect)
    {
        if (_attempt is not null)
            throw new SimulationException($"rank {Rank} was told to run step {effect.Step} while its delegate was still running");
        _world.Checks.Started(this, effect.Step);
        if (Core.Member.IsReloading && _world.Settings.LostExperts == LostExpertsPolicy.Fail)
            _weights.RequirePart(effect.View!);
        else
            _weights.RequireHeld(effect.View!);
        (_epoch, _step, _isOpen) = (effect.View!.Epoch, effect.Step, true);
        var attempt = _attempt = new SimAttempt(effect.View.Epoch, effect.Step, effect.View, _world.Random.Below(4));
        FreezeBatch();
        var held = _held.ToArray();
        _held.Clear();
        foreach (var frame in held)
            OnFrame(frame);
        Compute(attempt, 300, () => EnterLayer(attempt, 0));
    }

    /// <summary>Runs a part of the delegate after some time, unless it has been stopped meanwhile.</summary>
    private void Compute(SimAttempt attempt, long time, Action then) => _world.Clock.After(_world.Random.Delay((long)(time * _slowness)), () =>
    {
        WhenAwake(() =>
        {
            if (IsAlive && _attempt == attempt && !attempt.IsStopped)
                then();
        });
    });

    private void EnterLayer(SimAttempt attempt, int layer)
    {
        MayNotify(attempt, layer);
        if (_world.HasTrouble(_world.Settings.DelegateFailure) && PoisonOne())
        {
            Fail(attempt, new InvalidOperationException("a request is poisoned"), isOwn: true);
            return;
        }

        attempt.Layer = layer;
        _world.Replicas.Sent(this, attempt);
        var frame = new SimFrame(Rank, attempt.Epoch, attempt.Step, layer);
        foreach (var member in attempt.View.Members)
        {
            if (member.Rank != Rank && !_world.Network.Send(this, member.Id, SimChannel.Data, peer => peer.OnFrame(frame)))
            {
                Fail(attempt, new IOException($"no link to rank {member.Rank}"), isOwn: false);
                return;
            }

            if (_world.Faults.Reach(this, FaultPoints.InsideDispatch))
                return;
        }

        _world.Clock.After(SimSettings.StepDeadline, () => WhenAwake(() =>
        {
            if (IsAlive && _attempt == attempt && !attempt.IsStopped && attempt.Layer == layer && attempt.IsExchanging)
                Fail(attempt, new TimeoutException($"no frame of layer {layer}"), isOwn: false);
        }));
        if (!_world.Faults.Reach(this, FaultPoints.BeforeCombine))
            Take(frame);
    }

    private void Take(SimFrame frame)
    {
        var attempt = _attempt;
        _world.Checks.Applied(this, frame, attempt);
        attempt!.Add(frame);
        if (frame.Layer != attempt.Layer || !attempt.IsComplete(attempt.Layer))
            return;
        if (attempt.Layer + 1 < SimSettings.Layers)
            Compute(attempt, 300, () => EnterLayer(attempt, attempt.Layer + 1));
        else
            Compute(attempt, 100, () => EndExchanges(attempt));
    }

    private void EndExchanges(SimAttempt attempt)
    {
        if (_world.Faults.Reach(this, FaultPoints.BeforeStepEnd))
            return;
        attempt.IsExchanging = false;
        _isOpen = false;
        MayNotify(attempt, 2);
        Post(RankEvent.ExchangesEnded);
        Compute(attempt, 300, () =>
        {
            attempt.HasFailedTail = _world.HasTrouble(_world.Settings.TailFailure);
            MayNotify(attempt, 3);
            Return(attempt, attempt.HasFailedTail ? new InvalidOperationException("sampling failed") : null, attempt.HasFailedTail);
        });
    }

    private void Fail(SimAttempt attempt, Exception failure, bool isOwn)
    {
        _isOpen = false;
        attempt.IsStopped = true;
        _world.Clock.After(_world.Random.Delay(200), () => Return(attempt, failure, isOwn));
    }

    private void AbortAttempt(AbortAttempt effect)
    {
        if (_attempt is not { } attempt || attempt.Step != effect.Step || attempt.IsStopped)
            return;
        if (!attempt.IsExchanging && Core.Member.Phase != MemberPhase.Broken && Core.Member.Phase != MemberPhase.Gone)
            throw new SimulationException($"rule 6: the tail of step {attempt.Step} on rank {Rank} was cancelled");
        var isOwn = _world.HasTrouble(_world.Settings.DelegateFailure) && PoisonOne();
        _isOpen = false;
        attempt.IsStopped = true;
        var isStuck = _world.TryStick(this);
        _world.Clock.After(isStuck ? SimSettings.Stuck : _world.Random.Delay(1_000), () => Return(attempt, new OperationCanceledException("stopped"), isOwn));
    }

    private void Return(SimAttempt attempt, Exception? failure, bool isOwn)
    {
        if (IsPaused)
        {
            WhenAwake(() => Return(attempt, failure, isOwn));
            return;
        }

        if (_attempt != attempt || !IsAlive)
            return;
        _attempt = null;
        LastAttempt = attempt;
        Post(RankEvent.DelegateReturned(attempt.Epoch, attempt.Step, failure, isOwn));
    }
}
