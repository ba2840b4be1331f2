using ElasticEp.Events;
using ElasticEp.Membership;
using ElasticEp.Protocol;
using ElasticEp.Scaling;
using ElasticEp.Steps;
using ElasticEp.Tests.Membership;
using ElasticEp.Transport;

namespace ElasticEp.Tests.Steps;

/// <summary>Stop and Start in every phase.</summary>
public sealed class MemberCoreStopTests
{
    private static readonly GroupView View = TestViews.View(1, 0, 1, 2);
    private static readonly GroupView Again = TestViews.Started(2, 1, 0, 1, 2);

    [Fact]
    public void Work_that_is_notified_during_an_attempt_that_fails_counts_for_the_next_one()
    {
        var probe = MemberProbe.Running(TestViews.View(1, 0, 1));
        probe.Post(RankEvent.WorkNotified);
        probe.Stop();
        probe.ReturnDelegate(new OperationCanceledException());
        probe.Start(TestViews.Started(2, 1, 0, 1), 1).Wait();
        Assert.Equal(2, probe.Core.Attempt);
        Assert.True(Assert.Single(probe.EndExchanges().Effects, effect => effect.Kind == StepEffectKind.SendStepEnd).HasWork);
    }

    [Fact]
    public void A_parked_joiner_answers_that_it_has_entered_nothing()
    {
        var probe = new MemberProbe().Stop();
        Assert.Equal((null, 0, MemberPhase.Stopped), (probe.Answer!.Closed, probe.Answer.Entered, probe.Core.Phase));
    }

    [Fact]
    public void An_idle_rank_answers_at_once() => Assert.Equal(1, MemberProbe.Running(View).Complete(0, 2).Stop().Answer!.Closed);

    [Fact]
    public void A_rank_whose_caller_is_away_answers_at_once()
    {
        var probe = MemberProbe.Running(View).EndExchanges().ReturnDelegate().StepEnd(0, hasWork: true).StepEnd(2);
        Assert.Equal(MemberPhase.Due, probe.Core.Phase);
        Assert.Equal(1, probe.Stop().Answer!.Closed);
    }

    [Fact]
    public void A_running_delegate_is_ended_before_the_answer()
    {
        var probe = MemberProbe.Running(View).Stop();
        Assert.Null(probe.Answer);
        Assert.True(probe.Has<AbortAttempt>());
        Assert.Equal(0, probe.ReturnDelegate(new OperationCanceledException()).Answer!.Closed);
        Assert.False(probe.Has(StepEffectKind.ReturnToCaller));
    }

    [Fact]
    public void A_tail_is_waited_for_and_not_ended()
    {
        var probe = MemberProbe.Running(View).EndExchanges().Stop();
        Assert.False(probe.Has<AbortAttempt>());
        Assert.Null(probe.Answer);
        Assert.Equal(1, probe.ReturnDelegate().Answer!.Closed);
    }

    [Fact]
    public void StepEnds_that_come_before_the_answer_complete_the_step()
    {
        var probe = MemberProbe.Running(View).EndExchanges().Stop().StepEnd(0).StepEnd(2);
        Assert.Empty(probe.Effects);
        Assert.True(probe.ReturnDelegate().Returned.Result);
        Assert.Equal((1, 1), (probe.Answer!.Closed, probe.Core.LastCompleted));
    }

    [Fact]
    public void StepEnds_that_come_after_the_answer_complete_nothing()
    {
        var probe = MemberProbe.Running(View).EndExchanges().ReturnDelegate().Stop().StepEnd(0).StepEnd(2);
        Assert.Empty(probe.Effects);
        Assert.Equal(0, probe.Core.LastCompleted);
    }

    [Fact]
    public void A_broken_rank_answers_at_once() =>
        Assert.Equal(0, MemberProbe.Running(View).ReturnDelegate(new IOException("link")).Stop().Answer!.Closed);

    [Fact]
    public void Every_proposer_is_answered()
    {
        var probe = MemberProbe.Running(View).Stop(0, 5).Stop(2, 7).ReturnDelegate(new OperationCanceledException());
        Assert.Equal([(0, 5L), (2, 7L)], probe.Of<SendMessage>().Select(send => (send.To.Rank, ((StoppedMessage)send.Message).Recovery)));
    }

    [Fact]
    public void A_leaver_that_is_out_of_the_view_answers_and_stays_out()
    {
        var next = TestViews.View(2, 0, 2);
        var probe = MemberProbe.Running(View).EndExchanges().ReturnDelegate();
        probe.Core.SetPrepared("op", 0, next);
        probe.StepEnd(0, next: next).StepEnd(2).Stop();
        Assert.Equal((1, 2, MemberPhase.Gone), (probe.Answer!.Closed, probe.Answer.Entered, probe.Core.Phase));
        Assert.Empty(probe.Start(TestViews.Started(3, 4, 0, 2), 4).Effects);
    }

    [Fact]
    public void A_Stop_of_an_older_epoch_is_answered_with_the_one_that_was_entered_and_stops_nothing()
    {
        var probe = MemberProbe.Running(Again);
        Assert.Equal(2, probe.Stop(recovery: 3, epoch: 1).Answer!.Entered);
        Assert.Equal(MemberPhase.Running, probe.Core.Phase);
    }

    [Fact]
    public void A_rank_that_is_one_behind_returns_true_from_what_it_kept()
    {
        var probe = MemberProbe.Running(View).EndExchanges().ReturnDelegate().Stop().Start(TestViews.Started(2, 2, 0, 1, 2), 2);
        Assert.True(probe.Returned.Result);
        Assert.Equal((1, 2, MemberPhase.Due), (probe.Core.LastCompleted, probe.Core.Step, probe.Core.Phase));
    }

    [Fact]
    public void A_rank_that_is_one_behind_tells_the_failure_of_its_tail()
    {
        var probe = MemberProbe.Running(View).EndExchanges().Stop().ReturnDelegate(new InvalidOperationException("sampling"), isOwn: true);
        probe.Start(TestViews.Started(2, 2, 0, 1, 2), 2);
        Assert.False(Assert.IsType<StepFailedException>(probe.Returned.Failure).WillRunAgain);
    }

    [Fact]
    public void A_leaver_may_be_further_behind()
    {
        var probe = MemberProbe.Running(View).EndExchanges().ReturnDelegate().Stop().Start(TestViews.Started(2, 4, 0, 2), 4);
        Assert.True(probe.Returned.Result);
        Assert.Equal((1, MemberPhase.Gone), (probe.Core.LastCompleted, probe.Core.Phase));
    }

    [Fact]
    public void The_step_runs_again_under_a_new_epoch_when_nobody_completed_it()
    {
        var probe = MemberProbe.Running(View).EndExchanges().ReturnDelegate().Stop().Start(Again, 1);
        var run = Assert.Single(probe.Effects, effect => effect.Kind == StepEffectKind.RunDelegate);
        Assert.Equal((2, 1, 2), (run.View!.Epoch, run.Step, run.Attempt));
    }

    [Fact]
    public void A_Start_of_an_epoch_that_was_promised_to_stay_incomplete_comes_too_late()
    {
        var probe = MemberProbe.Running(View).ReturnDelegate(new IOException("link")).Stop();
        probe.Stop(from: 2, recovery: 1, epoch: 2);
        Assert.Empty(probe.Start(Again, 1).Effects);
        Assert.True(probe.Start(TestViews.Started(3, 1, 0, 1, 2), 1).Has(StepEffectKind.RunDelegate));
    }

    [Fact]
    public void Start_may_move_a_joiner_backwards()
    {
        var probe = MemberProbe.Running(View, step: 8).Stop().ReturnDelegate(new OperationCanceledException());
        Assert.Equal((7, 0), (probe.Answer!.Closed, probe.Answer.ClosedEpoch)); // one before its first step, and not closed by itself
        probe.Start(TestViews.Started(2, 7, 0, 1, 2), 7);
        Assert.Equal((7, MemberPhase.Running), (probe.Core.Step, probe.Core.Phase));
    }

    [Fact]
    public void A_step_that_runs_again_is_not_closed_until_its_exchanges_have_ended_again()
    {
        var probe = MemberProbe.Running(View).EndExchanges().ReturnDelegate().Stop().Start(Again, 1).Stop(recovery: 10);
        Assert.Equal(0, probe.ReturnDelegate(new OperationCanceledException()).Answer!.Closed);
    }

    [Fact]
    public void Whoever_was_started_repeats_the_Start_to_a_peer_that_has_missed_it()
    {
        var probe = MemberProbe.Running(View).ReturnDelegate(new IOException("link")).Stop().Start(Again, 1);
        Assert.Equal(2, probe.Do(effects => probe.Core.RepeatStart(TestViews.Id(2), 1, effects)).Sent<StartMessage>().Single().View.Epoch);
        Assert.Empty(probe.Do(effects => probe.Core.RepeatStart(TestViews.Id(2), 2, effects)).Effects);
        Assert.Empty(MemberProbe.Running(View).Do(effects => probe.Core.RepeatStart(TestViews.Id(1), 1, effects)).Effects);
    }

    [Fact]
    public void A_Start_that_would_skip_a_step_fails_the_rank() =>
        Assert.True(MemberProbe.Running(View).Complete(0, 2).Stop().Start(TestViews.Started(2, 3, 0, 1, 2), 3).Has<Fail>());

    [Fact]
    public void A_leader_that_repeats_Stop_still_leads()
    {
        var probe = MemberProbe.Running(View);
        probe.Peers.OnUp(TestViews.Id(0), probe.Now);
        probe.ReturnDelegate(new IOException("link")).Stop();
        var patience = MemberProbe.Options.RecoveryDeadline + TimeSpan.FromSeconds(1);
        probe.Now += patience;
        probe.Post(RankEvent.Tick);
        Assert.True(probe.Peers.IsLost(TestViews.Id(0)));
        Assert.NotNull(probe.Stop().Answer);
        Assert.False(probe.Peers.IsLost(TestViews.Id(0)));
        Assert.Equal(probe.Now + patience, probe.Core.WakeAt);
    }

    [Fact]
    public void Start_of_a_view_without_a_rank_whose_delegate_still_runs_lets_it_go()
    {
        var probe = MemberProbe.Running(View).Stop().Start(TestViews.Started(2, 2, 0, 2), 2);
        Assert.False(probe.Has<Fail>());
        Assert.Equal(MemberPhase.Gone, probe.Core.Phase);
        Assert.False(probe.ReturnDelegate(new OperationCanceledException()).Returned.Result);
    }

    [Fact]
    public void A_lost_proposer_is_replaced_while_the_answer_waits()
    {
        var probe = MemberProbe.Running(View).ReturnDelegate(new IOException("link")).Stop();
        probe.Peers.OnUp(TestViews.Id(0), probe.Now);
        probe.Peers.Report(TestViews.Id(0), LossReason.Silent, "dead", probe.Now);
        probe.Do(effects => probe.Core.OnPeerLost(new PeerLost(TestViews.Id(0), LossReason.Unreachable, "dead"), probe.Now, effects));
        Assert.Equal(TestViews.Id(1), Assert.Single(probe.Of<SendMessage>()).To); // the next lowest: itself
    }

    [Fact]
    public void A_leader_whose_Start_does_not_come_in_time_is_reported_lost()
    {
        var probe = MemberProbe.Running(View);
        probe.Peers.OnUp(TestViews.Id(0), probe.Now);
        probe.ReturnDelegate(new IOException("link")).Stop();
        var patience = MemberProbe.Options.RecoveryDeadline + TimeSpan.FromSeconds(1);
        Assert.Equal(probe.Now + patience, probe.Core.WakeAt);
        probe.Now += patience;
        probe.Post(RankEvent.Tick);
        Assert.Equal((TestViews.Id(0), LossReason.NoStart), probe.Peers.TakeLosses().Select(lost => (lost.Peer, lost.Reason)).Single());
    }
}
