using ElasticEp.Events;
using ElasticEp.Membership;
using ElasticEp.Protocol;
using ElasticEp.Scaling;
using ElasticEp.Steps;
using ElasticEp.Tests.Membership;
using ElasticEp.Transport;

namespace ElasticEp.Tests.Steps;

public sealed class MemberCoreTests
{
    private static readonly GroupView View = TestViews.View(1, 0, 1, 2);

    [Fact]
    public void A_step_returns_when_the_delegate_and_every_StepEnd_have_come()
    {
        var probe = MemberProbe.Running(View).EndExchanges();
        Assert.True(probe.Has(StepEffectKind.SendStepEnd));
        Assert.Empty(probe.StepEnd(0).Effects);
        Assert.Empty(probe.StepEnd(2).Effects);
        Assert.True(probe.ReturnDelegate().Returned.Result);
        Assert.Equal((MemberPhase.Idle, 1), (probe.Core.Phase, probe.Core.LastCompleted));
    }

    [Fact]
    public void A_StepEnd_of_the_next_step_waits_for_it()
    {
        var probe = MemberProbe.Running(View).EndExchanges().ReturnDelegate().StepEnd(0, hasWork: true).StepEnd(0, step: 2);
        Assert.True(probe.StepEnd(2).Returned.Result);
        probe.Wait().EndExchanges().ReturnDelegate();
        Assert.True(probe.StepEnd(2).Returned.Result);
        Assert.Equal(2, probe.Core.LastCompleted);
    }

    [Fact]
    public void A_wake_that_overtakes_the_last_StepEnd_is_not_lost()
    {
        var probe = MemberProbe.Running(View).EndExchanges().ReturnDelegate().StepEnd(0);
        probe.Post(RankEvent.Wake(TestViews.Id(0), 1, 2));
        probe.StepEnd(2);
        Assert.Equal((MemberPhase.Due, 2), (probe.Core.Phase, probe.Core.Step));
    }

    [Fact]
    public void A_wake_for_a_step_that_is_over_wakes_nobody()
    {
        var probe = MemberProbe.Running(View).Complete(0, 2);
        probe.Post(RankEvent.Wake(TestViews.Id(0), 1, 1));
        Assert.Equal(MemberPhase.Idle, probe.Core.Phase);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Who_claims_to_be_two_steps_ahead_is_cut_off_and_not_believed(bool isWake)
    {
        var probe = MemberProbe.Running(View).Complete(0, 2);
        probe.Post(isWake ? RankEvent.Wake(TestViews.Id(2), 1, 3) : RankEvent.StepEnd(TestViews.Id(2), 1, 3));
        Assert.Equal(TestViews.Id(2), Assert.Single(probe.Of<AbortLink>()).Peer);
        Assert.Equal((MemberPhase.Idle, 1), (probe.Core.Phase, probe.Core.Step));
        probe.Post(RankEvent.Wake(TestViews.Id(0), 1, 2)).Wait().Complete(0, 2);
        Assert.Equal((MemberPhase.Idle, 2), (probe.Core.Phase, probe.Core.LastCompleted));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_step_number_of_a_later_view_does_not_keep_the_group_running(bool isWake)
    {
        var probe = MemberProbe.Running(View).Complete(0, 2);
        probe.Post(isWake ? RankEvent.Wake(TestViews.Id(2), 7, 1L << 62) : RankEvent.FrameParked(7, 1L << 62));
        Assert.Empty(probe.Effects);
        probe.Start(TestViews.Started(7, 2, 0, 1, 2), 2).Wait().Complete(0, 2);
        Assert.Equal((MemberPhase.Idle, 2), (probe.Core.Phase, probe.Core.LastCompleted));
    }

    [Fact]
    public void A_wake_that_comes_before_its_view_is_forgotten_and_one_that_comes_within_it_counts()
    {
        var probe = MemberProbe.Running(View).EndExchanges().ReturnDelegate().StepEnd(0).Stop().Wake(2, epoch: 2, step: 2);
        Assert.Empty(probe.Effects);
        probe.Start(TestViews.Started(2, 1, 0, 1, 2), 1).Complete(0, 2);
        Assert.Equal((MemberPhase.Idle, 1), (probe.Core.Phase, probe.Core.LastCompleted)); // that wake cannot have been: nobody is ahead of a view's first step
        probe.Wake(2, epoch: 2, step: 2);
        Assert.Equal((MemberPhase.Due, 2), (probe.Core.Phase, probe.Core.Step));
    }

    [Fact]
    public void Who_is_no_member_wakes_nobody_and_nothing_of_it_is_kept()
    {
        var probe = MemberProbe.Running(View).Complete(0, 2);
        probe.Wake(9, epoch: 1, step: 2);
        Assert.Equal(MemberPhase.Idle, probe.Core.Phase);
        probe.Post(RankEvent.StepEnd(TestViews.Id(9), 1, 2));
        Assert.Equal(0, probe.Core.EarlyStepEnds);
        probe.Post(RankEvent.StepEnd(TestViews.Id(9), 1L << 62, 2));
        Assert.Equal(1, probe.Core.EarlyStepEnds); // it may be in a later view
        probe.Core.OnLinkLost(new LinkLost(TestViews.Id(9), ElasticEp.Transport.DisconnectReason.Reset, ""), TimeSpan.Zero, []);
        Assert.Equal(0, probe.Core.EarlyStepEnds);
    }

    [Fact]
    public void Of_the_StepEnds_that_come_early_only_the_newest_of_each_member_is_kept()
    {
        var probe = MemberProbe.Running(View).Complete(0, 2);
        for (var epoch = 2; epoch <= 1_000; epoch++)
            probe.Post(RankEvent.StepEnd(TestViews.Id(2), epoch, 2));
        Assert.Equal(1, probe.Core.EarlyStepEnds);
        probe.Start(TestViews.Started(1_000, 2, 0, 1, 2), 2).Wait().Complete(0);
        Assert.Equal((MemberPhase.Idle, 2), (probe.Core.Phase, probe.Core.LastCompleted));
    }

    [Fact]
    public void Work_that_comes_after_StepEnd_wakes_the_group_when_the_step_is_over()
    {
        var probe = MemberProbe.Running(View).EndExchanges().Post(RankEvent.WorkNotified).ReturnDelegate().StepEnd(0).StepEnd(2);
        Assert.True(probe.Has(StepEffectKind.SendWake));
        Assert.Equal((MemberPhase.Due, 2), (probe.Core.Phase, probe.Core.Step));
    }

    [Fact]
    public void A_failure_before_the_exchanges_end_is_the_callers_and_the_step_runs_again()
    {
        var probe = MemberProbe.Running(View).ReturnDelegate(new InvalidOperationException("bad"), isOwn: true);
        Assert.True(Assert.IsType<StepFailedException>(probe.Returned.Failure).WillRunAgain);
        Assert.Single(probe.Sent<StepFailedMessage>());
        probe.Wait().Stop();
        Assert.Equal(0, probe.Answer!.Closed);
        var run = Assert.Single(probe.Start(TestViews.Started(2, 1, 0, 1, 2), 1).Effects, effect => effect.Kind == StepEffectKind.RunDelegate);
        Assert.Equal((1, 2), (run.Step, run.Attempt));
    }

    [Fact]
    public void A_failure_of_the_tail_is_told_when_the_step_is_complete()
    {
        var probe = MemberProbe.Running(View).EndExchanges().ReturnDelegate(new InvalidOperationException("sampling"), isOwn: true).StepEnd(0);
        Assert.Empty(probe.Effects);
        Assert.False(Assert.IsType<StepFailedException>(probe.StepEnd(2).Returned.Failure).WillRunAgain);
        Assert.Equal(1, probe.Core.LastCompleted);
    }

    [Fact]
    public void A_lost_link_ends_the_attempt_and_is_reported_to_the_coordinator()
    {
        var probe = MemberProbe.Running(View);
        probe.LoseLink(2);
        Assert.Equal([typeof(AbortAttempt), typeof(SendMessage)], probe.Effects.Select(effect => effect.Control!.GetType()));
        Assert.Equal(TestViews.Id(0), probe.Of<SendMessage>().Single().To);
        Assert.Equal(TestViews.Id(2), probe.Sent<StepFailedMessage>().Single().Lost);
    }

    [Fact]
    public void A_StepEnd_that_does_not_come_is_reported_at_the_deadline()
    {
        var probe = MemberProbe.Running(View).EndExchanges().ReturnDelegate().StepEnd(0);
        Assert.Equal(MemberProbe.Deadline, probe.Core.WakeAt);
        probe.Now = MemberProbe.Deadline;
        var failed = Assert.Single(probe.Post(RankEvent.Tick).Sent<StepFailedMessage>());
        Assert.Contains("rank 2", failed.Reason, StringComparison.Ordinal);
    }

    /// <summary>The report may be lost on its way, or with who led.</summary>
    [Fact]
    public void Trouble_is_reported_again_until_Stop_comes()
    {
        var probe = MemberProbe.Running(View).LoseLink(2);
        for (var times = 0; times < 3; times++)
        {
            Assert.Empty(probe.Post(RankEvent.Tick).Sent<StepFailedMessage>());
            probe.Now = probe.Core.WakeAt!.Value;
            Assert.Equal(TestViews.Id(2), Assert.Single(probe.Post(RankEvent.Tick).Sent<StepFailedMessage>()).Lost);
        }

        probe.Stop().ReturnDelegate();
        probe.Now += MemberProbe.Options.StopDeadline / 2;
        Assert.Empty(probe.Post(RankEvent.Tick).Sent<StepFailedMessage>());
    }

    [Fact]
    public void A_view_that_is_announced_to_an_idle_group_wakes_it_for_one_step()
    {
        var next = TestViews.View(2, 0, 1);
        var probe = MemberProbe.Running(View, rank: 0).Complete(1, 2);
        probe.Core.SetPrepared("op", 0, next);
        probe.Do(effects => probe.Core.Announce(next, effects));
        Assert.True(probe.Has(StepEffectKind.SendWake));
        var end = Assert.Single(probe.Wait().EndExchanges().Effects);
        Assert.Equal((true, 2, next.Digest), (end.HasWork, end.NextEpoch, end.NextDigest));
        probe.ReturnDelegate().StepEnd(1).StepEnd(2);
        Assert.Equal((2, MemberPhase.Due, 3), (probe.Core.View.Epoch, probe.Core.Phase, probe.Core.Step));
    }

    [Fact]
    public void A_member_follows_the_coordinators_announcement_only_into_the_view_that_it_holds()
    {
        var probe = MemberProbe.Running(View).EndExchanges().ReturnDelegate();
        probe.Core.SetPrepared("op", 0, TestViews.View(2, 0, 1));
        probe.StepEnd(0, next: TestViews.View(2, 0, 1, 2)).StepEnd(2);
        Assert.True(probe.Has<Fail>());
        Assert.Equal(1, probe.Core.View.Epoch);
    }

    [Fact]
    public void A_leaver_returns_false_only_when_it_is_released()
    {
        var next = TestViews.View(2, 0, 2);
        var probe = MemberProbe.Running(View).EndExchanges().ReturnDelegate();
        probe.Core.SetPrepared("op", 0, next);
        probe.StepEnd(0, next: next).StepEnd(2);
        Assert.True(probe.Returned.Result);
        Assert.Empty(probe.Wait().Effects);
        Assert.False(probe.Do(probe.Core.Release).Returned.Result);
    }

    [Fact]
    public void A_caller_may_cancel_between_steps_only()
    {
        var probe = MemberProbe.Running(View).Post(RankEvent.CallerCancelled);
        Assert.Empty(probe.Effects);
        probe.Complete(0, 2).Wait().Post(RankEvent.CallerCancelled);
        Assert.IsType<OperationCanceledException>(probe.Returned.Failure);
    }

    [Fact]
    public void A_rank_that_has_trouble_after_the_group_has_ended_goes()
    {
        var probe = MemberProbe.Running(View).EndExchanges().ReturnDelegate().Do(effects => { });
        probe.Do(probe.Core.EndGroup);
        Assert.Empty(probe.Effects);
        probe.LoseLink(0);
        Assert.False(probe.Returned.Result);
    }
}
