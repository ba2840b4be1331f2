using System.Collections.Immutable;
using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Runtime;
using ElasticEp.Steps;
using ElasticEp.Transport;

namespace ElasticEp.Tests.Simulation;

/// <summary>One process that holds a rank: the real core, and a driver that starts its effects in the simulated world.</summary>
internal sealed partial class SimRank
{
    private readonly Simulation _world;
    private readonly double _slowness;
    private readonly SimWeights _weights;
    private TimeSpan? _tick;
    private TimeSpan? _due; // when the core wants a tick
    private TimeSpan _dueSince; // since when it is that
    private bool _isRegistered;
    private long _pausedUntil;
    private long? _wedgedAt; // since when it only sends heartbeats
    private bool _hasEnded; // as its core has said
    private ImmutableArray<MemberId> _beatTo = [];

    public SimRank(Simulation world, int rank, long incarnation, string? address = null)
    {
        _world = world;
        Identity = new GroupMember(rank, incarnation, address ?? $"sim:{rank}/{incarnation}");
        Core = new RankCore(world.Settings.Options, Identity.Id, world.Break.Rules);
        Recorder = new CoreRecorder(Core, world.Settings.Options);
        _weights = new SimWeights(world, rank);
        _slowness = world.Random.Chance(0.2) ? 8 : 1;
    }

    public RankCore Core { get; }

    public CoreRecorder Recorder { get; }

    public GroupMember Identity { get; }

    public bool HasRegistered { get; private set; }

    public int Rank => Identity.Rank;

    public string Address => Identity.Address;

    /// <summary>Whether it was started as the one that brings the group into being.</summary>
    public bool WantsBirth { get; private set; }

    public bool IsAlive { get; private set; } = true;

    /// <summary>What its registration says that it holds as a standby.</summary>
    public StandbyState? Announced { get; private set; }

    /// <summary>Whether somebody else than the launcher looks after it.</summary>
    public bool IsExternal { get; set; }

    /// <summary>Whether it waits for an operation that wants it.</summary>
    public bool IsWaiting => (IsExternal || _world.Launcher.IsStandby(this)) && Core.Member is { View.Epoch: 0, Phase: MemberPhase.Parked } && Core.Preparation.Operation.Length == 0;

    public bool IsPaused => _world.Clock.Now < _pausedUntil;

    /// <summary>Whether peers can connect to it.</summary>
    public bool IsReachable => IsAlive && _isRegistered;

    /// <summary>The process is up: it registers, watches the record and parks in RunStepAsync.</summary>
    public void Start(bool wantsBirth)
    {
        (_isRegistered, WantsBirth) = (true, wantsBirth);
        HasRegistered = true;
        _world.Store.Register(this, epoch: 0);
        _world.Store.Subscribe((record, version) => Post(new RecordSeen(record, version)), () => IsAlive, mayMerge: true);
        if (wantsBirth)
            Later(new BirthRequested(_world.Store.Record.View.Epoch > 0 ? TimeSpan.FromSeconds(3) : TimeSpan.Zero), 1_000);
        CallAgain();
        Beat();
    }

    /// <summary>Finds that its registration has gone.</summary>
    public void RegisterAgain()
    {
        if (!IsAlive)
            return;
        if (IsPaused)
            _world.Clock.At(_pausedUntil, RegisterAgain);
        else if (_world.Store.RegisterAgain(this, Core.Member.View.Epoch))
            Post(new RegistrationLost());
    }

    /// <summary>The process ends, by itself or because it is killed.</summary>
    /// <param name="isGraceful">Whether it says goodbye.</param>
    /// <param name="arrives">Whether what it had sent arrives though it is killed: its machine may have it still, or not.</param>
    public void End(bool isGraceful, bool arrives = false)
    {
        if (!IsAlive)
            return;
        _world.Trace.Note(Rank, isGraceful ? "process exits" : "process is ended by its launcher");
        IsAlive = false;
        _world.Network.CloseAll(this, isGraceful, arrives);
        _world.Clock.After(_world.Random.Delay(3_000), () => _world.Store.Unregister(this));
        _world.FrontEnd.OnProcessGone(this);
        _world.Launcher.OnEnded(this);
    }

    /// <summary>Stops the process for some time, as SIGSTOP does: everything that comes for it waits.</summary>
    public void Pause(long duration)
    {
        _world.Trace.Note(Rank, $"pauses for {duration} µs");
        _pausedUntil = _world.Clock.Now + duration;
    }

    /// <summary>The process handles nothing for some time, but its heartbeats flow on.</summary>
    public void Wedge(long duration)
    {
        _world.Trace.Note(Rank, $"is wedged for {duration} µs");
        (_wedgedAt, _pausedUntil) = (_world.Clock.Now, _world.Clock.Now + duration);
        _world.Clock.At(_pausedUntil, () => _wedgedAt = null);
    }

    /// <summary>Runs now, or when the process goes on.</summary>
    public void WhenAwake(Action action)
    {
        if (IsPaused)
            _world.Clock.At(_pausedUntil, action);
        else
            action();
    }

    public void Post(RankEvent e)
    {
        if (!IsAlive)
            return;
        if (IsPaused)
        {
            _world.Clock.At(_pausedUntil, () => Post(e), isBackground: e.Kind == StepEventKind.Tick);
            return;
        }

        if (e.Control is MessageReceived { Message: PrepareMessage prepare })
            NoteBase(prepare);
        _world.Trace.Add(Rank, Core.Member.Phase, e);
        _world.Coverage.Add(Core, e.Name);
        var recent = _world.Clock.Time - _world.Settings.Options.HeartbeatInterval;
        if (Core.WakeAt < recent && _dueSince < recent && _world.Clock.Now > _pausedUntil + 1_000_000)
            throw new SimulationException($"rank {Rank} has waited until {Core.WakeAt} and does nothing about it (peers {Core.Peers.WakeAt}, member {Core.Member.WakeAt}, preparation {Core.Preparation.WakeAt}, coordinator {Core.Coordinator.WakeAt})");
        foreach (var effect in Recorder.Handle(e, _world.Clock.Time))
        {
            if (!Reach(effect, FaultPoints.Before))
                Apply(effect);
            if (!IsAlive || Reach(effect, FaultPoints.After))
                return;
        }

        if (_attempt is null && Core.Member.IsReleased != _hasEnded)
            throw new SimulationException($"rank {Rank} is out of the group: {Core.Member.IsReleased}, and has said so: {_hasEnded}");

        if (Core.WakeAt != _due)
            (_due, _dueSince) = (Core.WakeAt, _world.Clock.Time); // what is due may be so at once
        if (Core.WakeAt is { } wakeAt && _tick != wakeAt)
        {
            _tick = wakeAt;
            _world.Clock.At(wakeAt.Ticks / TimeSpan.TicksPerMicrosecond, () =>
            {
                if (_tick == wakeAt)
                    _tick = null;
                if (Core.WakeAt <= _world.Clock.Time)
                    Post(RankEvent.Tick);
            }, isBackground: true);
        }
    }

    private bool Reach(in RankEffect effect, NamePoint name) => _world.Faults.IsArmed && _world.Faults.Reach(this, name(effect));

    private delegate string NamePoint(in RankEffect effect);

    private void Beat() => _world.Clock.After(_world.Settings.Options.HeartbeatInterval.Ticks / TimeSpan.TicksPerMicrosecond, () =>
    {
        if (!IsAlive)
            return;
        var lag = TimeSpan.FromMicroseconds(_world.Clock.Now - (_wedgedAt ?? _world.Clock.Now));
        foreach (var peer in IsPaused && _wedgedAt is null ? [] : _beatTo)
            _world.Network.Send(this, peer, SimChannel.Control, other => other.Post(new BeatReceived(Identity.Id, lag)), isBackground: true);
        Beat();
    }, isBackground: true);

    private void Later(RankEvent e, long delay) => _world.Clock.After(_world.Random.Delay(delay), () => Post(e));

    private void Apply(RankEffect effect)
    {
        switch (effect.Kind)
        {
            case StepEffectKind.SendStepEnd:
                _world.Checks.EndedExchanges(this, effect.Step);
                ToMembers(effect.View!, RankEvent.StepEnd(Identity.Id, effect.View!.Epoch, effect.Step, effect.HasWork, effect.NextEpoch, effect.NextDigest));
                break;
            case StepEffectKind.SendWake:
                ToMembers(effect.View!, RankEvent.Wake(Identity.Id, effect.View!.Epoch, effect.Step));
                break;
            case StepEffectKind.RunDelegate:
                StartAttempt(effect);
                break;
            case StepEffectKind.CompleteStep:
                _isOpen = false;
                _world.Checks.Closed(this, effect.Step);
                break;
            case StepEffectKind.ReturnToCaller:
                OnReturned(effect);
                break;
            default:
                Apply(effect.Control!);
                break;
        }
    }

    private void Apply(ControlEffect effect)
    {
        switch (effect)
        {
            case AbortAttempt abort:
                AbortAttempt(abort);
                break;
            case Fence fence:
                _fence = Math.Max(_fence, fence.Epoch);
                _held.RemoveAll(frame => frame.Epoch <= _fence);
                break;
            case EnterView entered:
                (_epoch, _step, _isOpen) = (entered.View.Epoch, entered.FirstStep - 1, false);
                _world.Checks.Entered(this, entered.View);
                _weights.RequireRoom(entered.View);
                if (!entered.IsReloading)
                    _weights.Enter(entered.View);
                else
                    _world.Coverage.Reloads++;
                break;
            case ViewCompleted completed:
                _world.Checks.Completed(completed.View);
                _weights.RequireHeld(completed.View);
                break;
            case SendMessage send:
                Send(send.To, send.Message);
                break;
            case Dial dial:
                _world.Network.Dial(this, dial.Peer.Id);
                break;
            case BeatTo beat:
                _beatTo = beat.Peers;
                break;
            case Disconnect disconnect:
                _world.Network.Disconnect(this, disconnect.Peer);
                break;
            case AbortLink { Reason: not DisconnectReason.ProtocolError } abort:
                _world.Trace.Note(Rank, $"cuts its link to {abort.Peer}: {abort.Detail}");
                _world.Network.Abort(this, abort.Peer, abort.Reason);
                break;
            case AbortLink abort:
                throw new SimulationException($"rank {Rank} was made to believe that {abort.Peer} breaks the protocol: {abort.Detail}");
            case Fetch fetch:
                StartFetch(fetch);
                break;
            case Reload reload:
                StartReload(reload.View);
                break;
            case ShowReloadTrouble trouble:
                OnReloadTrouble(trouble);
                break;
            case Rollback rollback:
                StartRollback(rollback);
                break;
            case Drain drain:
                StartDrain(drain.Operation);
                break;
            case ReadRecord read:
                _world.Store.Read(this, read);
                break;
            case WriteRecord write:
                _world.Store.Write(this, write);
                break;
            case Plan plan:
                var answer = SimPlanner.Plan(plan.Inquiry.View, [.. plan.Inquiry.Target.Select(member => member.Rank)], _world.Random, _world.Settings.Copies, _world.Passive);
                Later(new Planned(plan.Operation, plan.Inquiry.View.Epoch, answer, 1, ""), 500);
                break;
            case ReportExpertLoad report:
                ReportLoad(report);
                break;
            case ShowBalance or ShowLoss or ShowRecovery:
                break;
            case AnnounceStandby announce:
                _weights.CheckAnnounced(announce.State);
                Announced = announce.State;
                _world.Coverage.Standbys += announce.State.Held > 0 ? 1 : 0;
                _world.Clock.After(_world.Random.Delay(2_000), () => _world.Store.Announce(this, Core.Member.View.Epoch));
                break;
            case WatchRanks:
                _world.Store.WatchRanks(this);
                break;
            case DeliverReply reply:
                _world.Clients.OnReply(reply.From, reply.Message);
                break;
            case RankEnded:
                OnEnded();
                break;
            case Fail fail:
                throw new SimulationException($"the core of rank {Rank} cannot go on: {fail.Reason}");
            default:
                throw new SimulationException($"effect {effect.GetType().Name} is unknown");
        }
    }

    private void ToMembers(GroupView view, RankEvent e)
    {
        foreach (var member in view.Members)
        {
            if (member.Rank == Rank)
                continue;
            _world.Network.Send(this, member.Id, SimChannel.Control, peer => peer.Post(e));
            if (e.Kind == StepEventKind.StepEnd && _world.Faults.Reach(this, FaultPoints.InsideStepEnd))
                return;
        }
    }

    private void Send(MemberId to, ProtocolMessage message)
    {
        if (message is PreparationMessage { Refusal: not PreparationRefusal.None } refusal)
            _world.Misnaming.Refused(this, refusal);
        var copy = MessageCodec.Decode(MessageCodec.Encode(_world.Misnaming.Pass(this, to, message)).Span);
        if (!to.IsRank)
            _world.Clock.After(_world.Random.Delay(300), () => _world.Clients.OnReply(Identity.Id, copy));
        else
            _world.Network.Send(this, to, MessageLinks.Of(message) == LinkKind.Weights ? SimChannel.Weights : SimChannel.Control, peer => peer.Post(new MessageReceived(Identity.Id, copy)));
    }

    private void ReportLoad(ReportExpertLoad report)
    {
        var pairs = Enumerable.Range(0, SimPlanner.Experts).Select(_ => (long)_world.Random.Below(100)).ToArray();
        var load = new ExpertLoadMessage(report.Step, pairs);
        if (report.To == Identity.Id)
            _world.Clock.After(1, () => Post(new MessageReceived(Identity.Id, load)));
        else
            Send(report.To, load);
    }
}
