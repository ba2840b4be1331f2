using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Steps;

namespace ElasticEp.Tests.Steps;

/// <summary>One member core, and what it asked for since the last event.</summary>
internal sealed class MemberProbe
{
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    public MemberProbe(int rank = 1) => Core = new MemberCore(rank, Deadline, StepRules.Default);

    public MemberCore Core { get; }

    public List<RankEffect> Effects { get; } = [];

    public IEnumerable<RankEffectKind> Kinds => Effects.Select(effect => effect.Kind);

    public TimeSpan Now { get; set; }

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
        action(Effects);
        return this;
    }

    public MemberProbe Post(RankEvent e) => Do(effects => Core.Handle(e, Now, effects));

    public MemberProbe Wait() => Post(new RankEvent(RankEventKind.CallerWaits));

    public MemberProbe EndExchanges() => Post(new RankEvent(RankEventKind.ExchangesEnded) { Epoch = Core.View.Epoch, Step = Core.Step });

    public MemberProbe ReturnDelegate(Exception? failure = null, bool isOwn = false) =>
        Post(new RankEvent(RankEventKind.DelegateReturned) { Epoch = Core.View.Epoch, Step = Core.Step, Payload = failure, Flag = isOwn });

    public MemberProbe StepEnd(int peer, bool hasWork = false, GroupView? next = null, long? step = null) => Post(new RankEvent(RankEventKind.StepEnd)
    {
        Peer = peer,
        Epoch = Core.View.Epoch,
        Step = step ?? Core.Step,
        Flag = hasWork,
        NextEpoch = next?.Epoch ?? 0,
        NextDigest = next?.Digest ?? 0,
    });

    public MemberProbe Stop(int from = 0, long recovery = 9) => Do(effects => Core.OnStop(from, new StopMessage(Core.View.Epoch, recovery), effects));

    public MemberProbe Start(GroupView view, long step) => Do(effects => Core.OnStart(new StartMessage(view, step, "", 0), effects));

    /// <summary>Runs to the end of the step; the group is then idle, or goes on.</summary>
    public MemberProbe Complete(params int[] others)
    {
        EndExchanges();
        ReturnDelegate();
        foreach (var other in others)
            StepEnd(other);
        return this;
    }

    public StoppedMessage? Answer => Effects.Where(effect => effect.Kind == RankEffectKind.Send).Select(effect => effect.Payload).OfType<StoppedMessage>().SingleOrDefault();

    public RankEffect Returned => Assert.Single(Effects, effect => effect.Kind == RankEffectKind.ReturnToCaller);
}
