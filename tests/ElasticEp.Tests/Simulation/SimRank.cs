using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Runtime;

namespace ElasticEp.Tests.Simulation;

/// <summary>One process that holds a rank: the real core, and a driver that starts its effects in the simulated world.</summary>
internal sealed partial class SimRank
{
    private readonly Simulation _world;
    private readonly double _slowness;
    private readonly SimWeights _weights;
    private TimeSpan? _tick;
    private string _loading = "";
    private bool _isRegistered;

    public SimRank(Simulation world, int rank, long incarnation)
    {
        _world = world;
        Identity = new GroupMember(rank, incarnation, $"sim:{rank}/{incarnation}");
        Core = new RankCore(world.Settings.Options, rank, world.Break.Rules);
        _weights = new SimWeights(rank);
        _slowness = world.Random.Chance(0.2) ? 8 : 1;
    }

    public RankCore Core { get; }

    public GroupMember Identity { get; }

    public int Rank => Identity.Rank;

    public bool IsAlive { get; private set; } = true;

    /// <summary>Whether peers can connect to it.</summary>
    public bool IsReachable => IsAlive && _isRegistered;

    /// <summary>The process is up: it registers, watches the record and parks in RunStepAsync.</summary>
    public void Start(bool wantsBirth)
    {
        _isRegistered = true;
        _world.Store.Register(this);
        _world.Store.Subscribe(record => Post(new RankEvent(RankEventKind.RecordSeen) { Payload = record }), () => IsAlive, mayMerge: true);
        if (wantsBirth)
            Later(new RankEvent(RankEventKind.BirthWanted), 1_000);
        CallAgain();
    }

    /// <summary>The process ends, by itself or because it is killed.</summary>
    public void End(bool isGraceful)
    {
        if (!IsAlive)
            return;
        _world.Trace.Note(Rank, isGraceful ? "process exits" : "process is ended by its launcher");
        IsAlive = false;
        _world.Network.CloseAll(this, isGraceful);
        _world.Clock.After(_world.Random.Delay(3_000), () => _world.Store.Unregister(this));
        _world.FrontEnd.OnProcessGone(this);
    }

    public void Post(RankEvent e)
    {
        if (!IsAlive)
            return;
        _world.Trace.Add(Rank, Core.Member.Phase, e);
        _world.Coverage.Add(Core, e.Kind);
        if (e.Kind == RankEventKind.Tick && Core.Member.WakeAt <= _world.Clock.Time)
            throw new SimulationException($"rank {Rank} waited past its deadline for StepEnds of step {Core.Member.Step}");
        foreach (var effect in Core.Handle(e, _world.Clock.Time))
            Apply(effect);
        if (Core.WakeAt is { } wakeAt && _tick != wakeAt)
        {
            _tick = wakeAt;
            _world.Clock.At(wakeAt.Ticks / TimeSpan.TicksPerMicrosecond, () =>
            {
                if (Core.WakeAt <= _world.Clock.Time)
                    Post(new RankEvent(RankEventKind.Tick));
            });
        }
    }

    private void Later(RankEvent e, long delay) => _world.Clock.After(_world.Random.Delay(delay), () => Post(e));

    private void Apply(RankEffect effect)
    {
        switch (effect.Kind)
        {
            case RankEffectKind.SendStepEnd:
                _world.Checks.EndedExchanges(this, effect.Step);
                ToMembers(effect, RankEventKind.StepEnd);
                break;
            case RankEffectKind.SendWake:
                ToMembers(effect, RankEventKind.Wake);
                break;
            case RankEffectKind.RunDelegate:
                StartAttempt(effect);
                break;
            case RankEffectKind.AbortAttempt:
                AbortAttempt(effect);
                break;
            case RankEffectKind.Fence:
                _fence = Math.Max(_fence, effect.Epoch);
                _held.RemoveAll(frame => frame.Epoch <= _fence);
                break;
            case RankEffectKind.CloseStep:
                _isOpen = false;
                _world.Checks.Closed(this, effect.Step);
                break;
            case RankEffectKind.EnterView:
                (_epoch, _step, _isOpen) = (effect.Epoch, effect.Step - 1, false);
                _world.Checks.Entered(this, (GroupView)effect.Payload!);
                _weights.Enter((GroupView)effect.Payload!);
                break;
            case RankEffectKind.SettleView:
                _world.Checks.Settled((GroupView)effect.Payload!);
                _weights.Settle();
                break;
            case RankEffectKind.ReturnToCaller:
                OnReturned(effect);
                break;
            case RankEffectKind.Send:
                Send(effect.Peer, (ProtocolMessage)effect.Payload!);
                break;
            case RankEffectKind.Connect:
                _world.Network.Connect(this, effect.Peer);
                break;
            case RankEffectKind.Disconnect:
                _world.Network.Disconnect(this, effect.Peer);
                break;
            case RankEffectKind.AbortLink:
                throw new SimulationException($"rank {Rank} was made to believe that rank {effect.Peer} breaks the protocol: {effect.Payload}");
            case RankEffectKind.Load:
                Load((PrepareMessage)effect.Payload!);
                break;
            case RankEffectKind.Rollback:
                _loading = "";
                _weights.Unstage();
                CancelLeaving(effect.Flag);
                // Now and then a hook ignores its token for a while.
                Later(new RankEvent(RankEventKind.RolledBack), _world.HasTrouble(0.02) ? 3_000_000 : 500);
                break;
            case RankEffectKind.Drain:
                StartLeaving(effect.Operation!);
                break;
            case RankEffectKind.ReadRecord:
                _world.Store.Read(this);
                break;
            case RankEffectKind.WriteRecord:
                _world.Store.Write(this, effect.Number, (GroupRecord)effect.Payload!);
                break;
            case RankEffectKind.Plan:
                var inquiry = (PlanInquiry)effect.Payload!;
                Later(new RankEvent(RankEventKind.Planned) { Operation = effect.Operation, Payload = SimPlanner.Plan(inquiry.View, [.. inquiry.Target.Select(member => member.Rank)], _world.Random), Number = 1 }, 500);
                break;
            case RankEffectKind.ReportLoad:
                ReportLoad(effect);
                break;
            case RankEffectKind.ShowBalance:
                break;
            case RankEffectKind.WatchRanks:
                _world.Store.WatchRanks(this);
                break;
            case RankEffectKind.Tell:
                _world.Clients.OnAnswer((ProtocolMessage)effect.Payload!);
                break;
            case RankEffectKind.Fail:
                throw new SimulationException($"the core of rank {Rank} cannot go on: {effect.Payload}");
            default:
                throw new SimulationException($"effect {effect.Kind} is unknown");
        }
    }

    private void ToMembers(in RankEffect effect, RankEventKind kind)
    {
        var e = new RankEvent(kind)
        {
            Peer = Rank,
            Epoch = effect.Epoch,
            Step = effect.Step,
            Flag = effect.Flag,
            NextEpoch = effect.NextEpoch,
            NextDigest = effect.NextDigest,
        };
        foreach (var member in ((GroupView)effect.Payload!).Members)
        {
            if (member.Rank != Rank)
                _world.Network.Send(this, member.Rank, false, peer => peer.Post(e));
        }
    }

    private void Send(int to, ProtocolMessage message)
    {
        var copy = MessageCodec.Decode(MessageCodec.Encode(message).Span);
        if (to < 0)
            _world.Clock.After(_world.Random.Delay(300), () => _world.Clients.OnAnswer(copy));
        else
            _world.Network.Send(this, to, false, peer => peer.Post(new RankEvent(RankEventKind.Message) { Peer = Rank, Payload = copy }));
    }

    private void ReportLoad(in RankEffect effect)
    {
        var pairs = Enumerable.Range(0, SimPlanner.Experts).Select(_ => (long)_world.Random.Below(100)).ToArray();
        var report = new ExpertLoadMessage(effect.Step, pairs);
        if (effect.Peer == Rank)
            _world.Clock.After(1, () => Post(new RankEvent(RankEventKind.Message) { Peer = Rank, Payload = report }));
        else
            Send(effect.Peer, report);
    }

    private void Load(PrepareMessage plan)
    {
        _loading = plan.Operation;
        if (plan.Next.Contains(Rank))
            _weights.Stage(plan);
        var fails = _world.HasTrouble(plan.Operation == "birth" ? 0 : _world.Settings.LoadFailure);
        var parts = _world.Random.Between(0, 3);
        var delay = 0L;
        for (var part = 1; part <= parts; part++)
        {
            delay += _world.Random.Delay(2_000);
            var moved = part;
            _world.Clock.After(delay, () => WhileLoading(plan.Operation, new RankEvent(RankEventKind.LoadProgress) { Operation = plan.Operation, Number = moved, Step = parts }));
        }

        delay += _world.Random.Delay(2_000);
        var end = new RankEvent(fails ? RankEventKind.LoadFailed : RankEventKind.Loaded) { Operation = plan.Operation, Payload = fails ? "checksum mismatch" : null };
        _world.Clock.After(delay, () => WhileLoading(plan.Operation, end));
    }

    private void WhileLoading(string operation, RankEvent e)
    {
        // A completion may already be on its way when the load is undone: the core must then ignore it.
        if (_loading == operation && e.Kind == RankEventKind.Loaded)
            _weights.Fill();
        if (_loading == operation || _world.Random.Chance(0.3))
            Post(e);
    }
}
