using ElasticEp.Events;
using ElasticEp.Membership;
using ElasticEp.Protocol;
using ElasticEp.Steps;
using ElasticEp.Tests.Membership;

namespace ElasticEp.Tests.Steps;

/// <summary>One member core, and what it wanted done since the last event.</summary>
internal sealed class MemberProbe
{
    public static readonly ElasticEpOptions Options = new();
    public static readonly TimeSpan Deadline = Options.StepDeadline;

    public MemberProbe(int rank = 1, LostExpertsPolicy lostExperts = LostExpertsPolicy.Wait) =>
        Core = new MemberCore(TestViews.Id(rank), Peers, new ElasticEpOptions { LostExperts = lostExperts }, StepRules.Default);

    public PeerCore Peers { get; } = new(Options);

    public MemberCore Core { get; }

    public List<RankEffect> Effects { get; } = [];

    public TimeSpan Now { get; set; }

    public StoppedMessage? Answer => Sent<StoppedMessage>().SingleOrDefault();

    public RankEffect Returned => Assert.Single(Effects, effect => effect.Kind == StepEffectKind.ReturnToCaller);

    /// <summary>A member of the view, in its first step, with the delegate running.</summary>
    public static MemberProbe Running(GroupView view, long step = 1, int rank = 1)
    {
        var probe = new MemberProbe(rank);
        probe.Do(effects => probe.Core.OnStart(new StartMessage(view, step, "", 0), effects));
        probe.Wait();
        Assert.Equal(MemberPhase.Running, probe.Core.Phase);
        return probe;
    }

    public MemberProbe Do(Action<List<RankEffect>> action)
    {
        Effects.Clear();
        Core.Now = Now;
        action(Effects);
        return this;
    }

    public MemberProbe Post(RankEvent e) => Do(effects => Core.Handle(e, Now, effects));

    public MemberProbe Wait() => Post(RankEvent.CallerWaits);

    public MemberProbe EndExchanges() => Post(RankEvent.ExchangesEnded);

    public MemberProbe ReturnDelegate(Exception? failure = null, bool isOwn = false) => Post(RankEvent.DelegateReturned(Core.View.Epoch, Core.Step, failure, isOwn));

    public MemberProbe StepEnd(int peer, bool hasWork = false, GroupView? next = null, long? step = null) =>
        Post(RankEvent.StepEnd(TestViews.Id(peer), Core.View.Epoch, step ?? Core.Step, hasWork, next?.Epoch ?? 0, next?.Digest ?? 0));

    public MemberProbe Wake(int peer, long epoch, long step) => Post(RankEvent.Wake(TestViews.Id(peer), epoch, step));

    public MemberProbe Stop(int from = 0, long recovery = 9, long? epoch = null) => Do(effects => Core.OnStop(TestViews.Id(from), new StopMessage(epoch ?? Core.View.Epoch, recovery), Now, effects));

    public MemberProbe Start(GroupView view, long step) => Do(effects => Core.OnStart(new StartMessage(view, step, "", 0), effects));

    public MemberProbe LoseLink(int peer) => Do(effects => Core.OnLinkLost(new LinkLost(TestViews.Id(peer), ElasticEp.Transport.DisconnectReason.Reset, "reset"), Now, effects));

    /// <summary>Runs to the end of the step; the group is then idle, or goes on.</summary>
    public MemberProbe Complete(params int[] others)
    {
        EndExchanges();
        ReturnDelegate();
        foreach (var other in others)
            StepEnd(other);
        return this;
    }

    public bool Has(StepEffectKind kind) => Effects.Exists(effect => effect.Kind == kind);

    public bool Has<T>()
        where T : ControlEffect => Of<T>().Any();

    public IEnumerable<T> Of<T>()
        where T : ControlEffect => Effects.Select(effect => effect.Control).OfType<T>();

    public IEnumerable<T> Sent<T>()
        where T : ProtocolMessage => Of<SendMessage>().Select(send => send.Message).OfType<T>();
}
