using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Steps;
using ElasticEp.Tests.Membership;

namespace ElasticEp.Tests.Steps;

public sealed class MemberCoreTests
{
    private static readonly GroupView View = TestViews.View(1, 0, 1, 2);

    [Fact]
    public void A_step_returns_when_the_delegate_and_every_StepEnd_have_come()
    {
        var probe = MemberProbe.Running(View).EndExchanges();
        Assert.Contains(RankEffectKind.SendStepEnd, probe.Kinds);
        Assert.Empty(probe.StepEnd(0).Effects);
        Assert.Empty(probe.StepEnd(2).Effects);
        Assert.True(probe.ReturnDelegate().Returned.Flag);
        Assert.Equal((MemberPhase.Idle, 1), (probe.Core.Phase, probe.Core.LastCompleted));
    }

    [Fact]
    public void A_StepEnd_of_the_next_step_waits_for_it()
    {
        var probe = MemberProbe.Running(View).EndExchanges().ReturnDelegate().StepEnd(0, hasWork: true).StepEnd(0, step: 2);
        Assert.True(probe.StepEnd(2).Returned.Flag);
        probe.Wait().EndExchanges().ReturnDelegate();
        Assert.True(probe.StepEnd(2).Returned.Flag);
        Assert.Equal(2, probe.Core.LastCompleted);
    }

    [Fact]
    public void A_wake_that_overtakes_the_last_StepEnd_is_not_lost()
    {
        var probe = MemberProbe.Running(View).EndExchanges().ReturnDelegate().StepEnd(0);
        probe.Post(new RankEvent(RankEventKind.Wake) { Peer = 0, Epoch = 1, Step = 2 });
        probe.StepEnd(2);
        Assert.Equal((MemberPhase.Due, 2), (probe.Core.Phase, probe.Core.Step));
    }

    [Fact]
    public void A_wake_for_a_step_that_is_over_wakes_nobody()
    {
        var probe = MemberProbe.Running(View).Complete(0, 2);
        probe.Post(new RankEvent(RankEventKind.Wake) { Peer = 0, Epoch = 1, Step = 1 });
        Assert.Equal(MemberPhase.Idle, probe.Core.Phase);
    }

    [Theory]
    [InlineData(RankEventKind.Wake)]
    [InlineData(RankEventKind.StepEnd)]
    internal void Who_claims_to_be_two_steps_ahead_is_cut_off_and_not_believed(RankEventKind kind)
    {
        var probe = MemberProbe.Running(View).Complete(0, 2);
        probe.Post(new RankEvent(kind) { Peer = 2, Epoch = 1, Step = 3 });
        Assert.Equal(2, Assert.Single(probe.Effects, effect => effect.Kind == RankEffectKind.AbortLink).Peer);
        Assert.Equal((MemberPhase.Idle, 1), (probe.Core.Phase, probe.Core.Step));
        probe.Post(new RankEvent(RankEventKind.Wake) { Peer = 0, Epoch = 1, Step = 2 }).Wait().Complete(0, 2);
        Assert.Equal((MemberPhase.Idle, 2), (probe.Core.Phase, probe.Core.LastCompleted));
    }

    [Theory]
    [InlineData(RankEventKind.Wake)]
    [InlineData(RankEventKind.FrameWaiting)]
    internal void A_step_number_of_a_later_view_does_not_keep_the_group_running(RankEventKind kind)
    {
        var probe = MemberProbe.Running(View).Complete(0, 2);
        probe.Post(new RankEvent(kind) { Peer = 2, Epoch = 7, Step = 1L << 62 });
        Assert.Empty(probe.Effects);
        probe.Start(TestViews.Started(7, 2, 0, 1, 2), 2).Wait().Complete(0, 2);
        Assert.Equal((MemberPhase.Idle, 2), (probe.Core.Phase, probe.Core.LastCompleted));
    }

    [Fact]
    public void Of_the_StepEnds_that_come_early_only_the_newest_of_each_member_is_kept()
    {
        var probe = MemberProbe.Running(View).Complete(0, 2);
        for (var epoch = 2; epoch <= 1_000; epoch++)
            probe.Post(new RankEvent(RankEventKind.StepEnd) { Peer = 2, Epoch = epoch, Step = 2 });
        Assert.Equal(1, probe.Core.EarlyStepEnds);
        probe.Start(TestViews.Started(1_000, 2, 0, 1, 2), 2).Wait().Complete(0);
        Assert.Equal((MemberPhase.Idle, 2), (probe.Core.Phase, probe.Core.LastCompleted));
    }

    [Fact]
    public void Work_that_comes_after_StepEnd_wakes_the_group_when_the_step_is_over()
    {
        var probe = MemberProbe.Running(View).EndExchanges().Post(new RankEvent(RankEventKind.WorkNotified)).ReturnDelegate().StepEnd(0).StepEnd(2);
        Assert.Contains(RankEffectKind.SendWake, probe.Kinds);
        Assert.Equal((MemberPhase.Due, 2), (probe.Core.Phase, probe.Core.Step));
    }

    [Fact]
    public void A_failure_before_the_exchanges_end_is_the_callers_and_the_step_runs_again()
    {
        var probe = MemberProbe.Running(View).ReturnDelegate(new InvalidOperationException("bad"), isOwn: true);
        Assert.True(Assert.IsType<StepFailedException>(probe.Returned.Payload).WillRunAgain);
        Assert.IsType<StepFailedMessage>(Assert.Single(probe.Effects, effect => effect.Kind == RankEffectKind.Send).Payload);
        probe.Wait().Stop();
        Assert.Equal(0, probe.Answer!.LastCompleted);
        var run = Assert.Single(probe.Start(TestViews.Started(2, 1, 0, 1, 2), 1).Effects, effect => effect.Kind == RankEffectKind.RunDelegate);
        Assert.Equal((1, 2), (run.Step, run.Number));
    }

    [Fact]
    public void A_failure_of_the_tail_is_told_when_the_step_is_complete()
    {
        var probe = MemberProbe.Running(View).EndExchanges().ReturnDelegate(new InvalidOperationException("sampling"), isOwn: true).StepEnd(0);
        Assert.Empty(probe.Effects);
        Assert.False(Assert.IsType<StepFailedException>(probe.StepEnd(2).Returned.Payload).WillRunAgain);
        Assert.Equal(1, probe.Core.LastCompleted);
    }

    [Fact]
    public void A_lost_link_ends_the_attempt_and_is_reported_to_the_coordinator()
    {
        var probe = MemberProbe.Running(View);
        probe.Post(new RankEvent(RankEventKind.LinkUp) { Peer = 2, Number = 3 }).Post(new RankEvent(RankEventKind.LinkLost) { Peer = 2, Number = 3, Payload = "reset" });
        Assert.Equal([RankEffectKind.AbortAttempt, RankEffectKind.Send], probe.Kinds);
        Assert.Equal((0, 2), (probe.Effects[1].Peer, ((StepFailedMessage)probe.Effects[1].Payload!).LostPeer));
    }

    [Fact]
    public void A_StepEnd_that_does_not_come_is_reported_at_the_deadline()
    {
        var probe = MemberProbe.Running(View).EndExchanges().ReturnDelegate().StepEnd(0);
        Assert.Equal(MemberProbe.Deadline, probe.Core.WakeAt);
        probe.Now = MemberProbe.Deadline;
        var failed = Assert.IsType<StepFailedMessage>(Assert.Single(probe.Post(new RankEvent(RankEventKind.Tick)).Effects).Payload);
        Assert.Contains("rank 2", failed.Reason, StringComparison.Ordinal);
        Assert.Null(probe.Core.WakeAt);
    }

    [Fact]
    public void A_view_that_is_announced_to_an_idle_group_wakes_it_for_one_step()
    {
        var next = TestViews.View(2, 0, 1);
        var probe = MemberProbe.Running(View, rank: 0).Complete(1, 2);
        probe.Core.SetPrepared("op", 0, next);
        probe.Do(effects => probe.Core.Announce(next, effects));
        Assert.Contains(RankEffectKind.SendWake, probe.Kinds);
        var end = Assert.Single(probe.Wait().EndExchanges().Effects);
        Assert.Equal((true, 2, next.Digest), (end.Flag, end.NextEpoch, end.NextDigest));
        probe.ReturnDelegate().StepEnd(1).StepEnd(2);
        Assert.Equal((2, MemberPhase.Due, 3), (probe.Core.View.Epoch, probe.Core.Phase, probe.Core.Step));
    }

    [Fact]
    public void A_member_follows_the_coordinators_announcement_only_into_the_view_that_it_holds()
    {
        var probe = MemberProbe.Running(View).EndExchanges().ReturnDelegate();
        probe.Core.SetPrepared("op", 0, TestViews.View(2, 0, 1));
        probe.StepEnd(0, next: TestViews.View(2, 0, 1, 2)).StepEnd(2);
        Assert.Contains(RankEffectKind.Fail, probe.Kinds);
        Assert.Equal(1, probe.Core.View.Epoch);
    }

    [Fact]
    public void A_leaver_returns_false_only_when_it_is_released()
    {
        var next = TestViews.View(2, 0, 2);
        var probe = MemberProbe.Running(View).EndExchanges().ReturnDelegate();
        probe.Core.SetPrepared("op", 0, next);
        probe.StepEnd(0, next: next).StepEnd(2);
        Assert.True(probe.Returned.Flag);
        Assert.Empty(probe.Wait().Effects);
        Assert.False(probe.Do(probe.Core.Release).Returned.Flag);
    }

    [Fact]
    public void A_caller_may_give_up_between_steps_only()
    {
        var probe = MemberProbe.Running(View).Post(new RankEvent(RankEventKind.CallerGaveUp));
        Assert.Empty(probe.Effects);
        probe.Complete(0, 2).Wait().Post(new RankEvent(RankEventKind.CallerGaveUp));
        Assert.IsType<OperationCanceledException>(probe.Returned.Payload);
    }

    [Fact]
    public void A_rank_that_has_trouble_after_the_group_has_ended_goes()
    {
        var probe = MemberProbe.Running(View).EndExchanges().ReturnDelegate().Do(effects => { });
        probe.Do(probe.Core.EndGroup);
        Assert.Empty(probe.Effects);
        probe.Post(new RankEvent(RankEventKind.LinkUp) { Peer = 0, Number = 1 }).Post(new RankEvent(RankEventKind.LinkLost) { Peer = 0, Number = 1 });
        Assert.False(probe.Returned.Flag);
    }
}
