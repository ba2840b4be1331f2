using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Scaling;
using ElasticEp.Steps;
using ElasticEp.Tests.Membership;

namespace ElasticEp.Tests.Scaling;

public sealed class PreparationCoreTests
{
    private static readonly GroupView Base = TestViews.View(1, 0, 1);
    private static readonly PrepareMessage Plan = new("op", 0, Base, TestViews.View(2, 0), [], TimeSpan.Zero);

    [Fact]
    public void Weights_are_loaded_once_every_peer_is_connected()
    {
        var probe = CoreProbe.Idle(rank: 1);
        probe.Message(0, new PrepareMessage("op", 0, Base, TestViews.View(2, 0, 1, 5), [], TimeSpan.Zero));
        Assert.Equal([5], probe.Effects.Where(effect => effect.Kind == RankEffectKind.Connect).Select(effect => effect.Peer));
        Assert.False(probe.Has(RankEffectKind.Load));
        Assert.True(probe.Post(new RankEvent(RankEventKind.LinkUp) { Peer = 5, Number = 6 }).Has(RankEffectKind.Load));
    }

    [Fact]
    public void The_same_operation_on_another_base_keeps_what_is_loaded()
    {
        var probe = Loaded();
        var moved = new PrepareMessage("op", 0, TestViews.View(3, 0, 1), TestViews.View(4, 0), [], TimeSpan.Zero);
        probe.Message(0, moved);
        Assert.False(probe.Has(RankEffectKind.Load));
        Assert.Equal((PreparationState.Loaded, moved.Next.Digest), (probe.Sent<PreparationMessage>(0).Single().Stage, probe.Sent<PreparationMessage>(0).Single().Digest));
    }

    [Fact]
    public void Another_operation_undoes_the_one_before()
    {
        var probe = Loaded().Message(0, Plan with { Operation = "other" });
        Assert.Equal("op", Assert.Single(probe.Effects, effect => effect.Kind == RankEffectKind.Rollback).Operation);
        Assert.False(probe.Has(RankEffectKind.Load));
        Assert.True(probe.Post(new RankEvent(RankEventKind.RolledBack)).Has(RankEffectKind.Load));
    }

    [Fact]
    public void While_a_hook_that_was_cancelled_still_runs_new_operations_are_refused_in_its_name()
    {
        var probe = Loaded().Message(0, new DrainMessage("op")).Post(new RankEvent(RankEventKind.HookEntered) { Payload = "OnLeavingAsync" });
        probe.Message(0, new AbortMessage("op", "its deadline passed")).Message(0, Plan with { Operation = "second" });
        Assert.Empty(probe.Sent<PreparationMessage>(0));
        probe.Now += PreparationCore.HookPatience;
        Assert.Equal(probe.Now, probe.Core.WakeAt);
        var failure = probe.Post(new RankEvent(RankEventKind.Tick)).Sent<PreparationMessage>(0).Single();
        Assert.Equal(("second", "rank 1 still undoes operation 'op': its workload's OnLeavingAsync was cancelled 2 s ago and has not ended"), (failure.Operation, failure.Failure));
        Assert.Null(probe.Core.WakeAt);

        probe.Now += TimeSpan.FromSeconds(40);
        Assert.Contains("42 s ago", probe.Message(0, Plan with { Operation = "third" }).Sent<PreparationMessage>(0).Single().Failure, StringComparison.Ordinal);

        probe.Post(new RankEvent(RankEventKind.HookReturned)).Post(new RankEvent(RankEventKind.RolledBack));
        Assert.True(probe.Message(0, Plan with { Operation = "fourth" }).Has(RankEffectKind.Load));
    }

    [Fact]
    public void What_was_said_is_said_again_when_the_coordinator_is_back()
    {
        var probe = Loaded().Post(new RankEvent(RankEventKind.LinkUp) { Peer = 0, Number = 1 });
        Assert.Equal(PreparationState.Loaded, probe.Sent<PreparationMessage>(0).Single().Stage);
    }

    [Fact]
    public void A_leaver_drains_once_and_is_readmitted_when_the_operation_is_undone()
    {
        var probe = Loaded().Message(0, new DrainMessage("op"));
        Assert.True(probe.Has(RankEffectKind.Drain));
        Assert.Empty(probe.Message(0, new DrainMessage("op")).Effects);
        probe.Message(0, new AbortMessage("op", "test"));
        Assert.True(Assert.Single(probe.Effects).Flag);
        Assert.Equal("", probe.Core.Preparation.Operation);
    }

    [Fact]
    public void An_abort_that_was_lost_is_learned_from_the_record()
    {
        var outcome = new OperationOutcome("op", false, "test", new OperationFigures());
        var probe = Loaded().Post(new RankEvent(RankEventKind.RecordSeen) { Payload = new GroupRecord(Base, [], null, outcome) });
        Assert.True(probe.Has(RankEffectKind.Rollback));
    }

    [Fact]
    public void What_comes_of_an_operation_that_was_undone_is_ignored()
    {
        var probe = Loaded().Message(0, new AbortMessage("op", "test"));
        probe.Post(new RankEvent(RankEventKind.RolledBack));
        foreach (var kind in (RankEventKind[])[RankEventKind.Loaded, RankEventKind.LoadFailed, RankEventKind.LoadProgress, RankEventKind.Drained, RankEventKind.DrainFailed])
            Assert.Empty(probe.Post(new RankEvent(kind) { Operation = "op" }).Effects);
    }

    [Fact]
    public void A_leaver_goes_when_Completed_overtakes_its_last_StepEnd()
    {
        var probe = Loaded();
        probe.Message(0, new CompletedMessage("op", 2));
        Assert.False(probe.Has(RankEffectKind.ReturnToCaller));
        probe.Step(announced: Plan.Next);
        Assert.Equal(MemberPhase.Gone, probe.Core.Member.Phase);
        Assert.False(probe.Post(new RankEvent(RankEventKind.CallerWaits)).Effects.Single().Flag);
    }

    [Fact]
    public void A_joiner_that_is_dismissed_goes()
    {
        var probe = CoreProbe.Idle(rank: 1);
        Assert.Equal(MemberPhase.Idle, probe.Core.Member.Phase);
        probe.Post(new RankEvent(RankEventKind.RecordSeen) { Payload = new GroupRecord(TestViews.View(4, 0), [], null, null) });
        Assert.Equal(MemberPhase.Gone, probe.Core.Member.Phase);
    }

    private static CoreProbe Loaded() => CoreProbe.Idle(rank: 1).Message(0, Plan).Post(new RankEvent(RankEventKind.Loaded) { Operation = "op" });
}
