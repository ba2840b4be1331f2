using ElasticEp.Events;
using ElasticEp.Membership;
using ElasticEp.Protocol;
using ElasticEp.Scaling;
using ElasticEp.Steps;
using ElasticEp.Tests.Membership;
using ElasticEp.Transport;

namespace ElasticEp.Tests.Scaling;

/// <summary>A step fails while an operation is at some stage.</summary>
public sealed class RecoveryTests
{
    [Theory]
    [InlineData(nameof(OperationPhase.Gathering))]
    [InlineData(nameof(OperationPhase.Planning))]
    [InlineData(nameof(OperationPhase.Preparing))]
    [InlineData(nameof(OperationPhase.Draining))]
    public void Before_the_commit_the_operation_goes_on_upon_the_recovered_view(string name)
    {
        var stage = Enum.Parse<OperationPhase>(name);
        var probe = CoreProbe.Idle().AdvanceTo(stage, leaver: stage == OperationPhase.Draining ? 1 : null);
        Recover(probe, epoch: 2);
        var expected = stage == OperationPhase.Draining ? OperationPhase.Preparing : stage;
        Assert.Equal((expected, 2, 0), (probe.Phase, probe.Core.Member.View.Epoch, probe.Sent<StartMessage>(1).Single().CommittedViews));
        Assert.Empty(probe.Sent<PrepareMessage>()); // not before the recovered view is Completed
        probe.Step();
        Assert.Empty(probe.Sent<PrepareMessage>());
        Assert.Equal((2, true), (probe.Write().Record.View.Epoch, probe.Record.IsCompleted));
        if (stage < OperationPhase.Preparing)
            return;
        Assert.Equal(3, probe.Sent<PrepareMessage>(1).Single().Next.Epoch);
        Assert.Null(probe.Core.Preparation.WakeAt);
    }

    [Fact]
    public void A_commit_that_is_being_written_is_waited_for()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Committing);
        probe.Message(1, new StepFailedMessage(1, 1, null, "test"));
        Assert.False(probe.Has<ReadRecord>());
        probe.Overwrite(probe.Record.WithNext(probe.Coordinator.Operation!.Next!) with { Pending = probe.Coordinator.Operation.Pending });
        probe.Post(new RecordWritten(probe.Stamp, true, null, probe.Version));
        Assert.Equal([1, 2], probe.Of<SendMessage>().Where(send => send.Message is StopMessage { Epoch: 2 }).Select(send => send.To.Rank).Order());
    }

    [Fact]
    public void After_the_commit_everybody_of_both_views_is_started_in_the_new_one()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Committed);
        Recover(probe, epoch: 3, fresh: 2);
        Assert.Equal([0, 1, 2], probe.Core.Member.View.Members.Select(member => member.Rank));
        Assert.Equal(("op", 1), probe.Sent<StartMessage>(2).Select(start => (start.Operation, start.CommittedViews)).Single());
        probe.Step();
        Assert.True(probe.Write().Outcome.IsCompleted);
    }

    [Fact]
    public void The_group_goes_on_after_the_lowest_step_that_a_member_has_closed()
    {
        var probe = CoreProbe.Idle();
        probe.Message(1, new StepFailedMessage(1, 2, null, "test")).AnswerRead();
        Stopped(probe, 1, closed: 7, connected: 0).Apply();
        Assert.Equal(2, probe.Record.View.StartStep); // this rank has closed step 1
    }

    [Fact]
    public void An_answer_from_a_later_view_makes_the_leader_read_the_record_again()
    {
        var probe = CoreProbe.Idle();
        probe.Message(1, new StepFailedMessage(1, 2, null, "test")).AnswerRead();
        Assert.True(probe.Message(1, new StoppedMessage(Recovery(probe), 2, 3, 2, [TestViews.Id(0)], [TestViews.Id(0)])).Has<ReadRecord>());
        Assert.False(probe.Has<WriteRecord>());
    }

    [Fact]
    public void Who_loses_the_write_to_another_recovery_follows_it_and_leads_again_when_no_Start_comes()
    {
        var probe = CoreProbe.Idle();
        probe.Message(1, new StepFailedMessage(1, 2, null, "test")).AnswerRead();
        Stopped(probe, 1, closed: 1, connected: 0);
        probe.Overwrite(probe.Record.WithNext(TestViews.Started(2, 3, 0, 1)));
        probe.AnswerRefused().AnswerRead();
        Assert.Empty(probe.Sent<StopMessage>());
        var until = probe.Now + probe.Core.Peers.SilenceTime;
        Assert.Equal(until, probe.Coordinator.WakeAt);
        while (!probe.Has<ReadRecord>())
            probe.Beat();
        Assert.Equal(until, probe.Now);
        Assert.Equal(2, probe.AnswerRead().Sent<StopMessage>(1).Single().Epoch);
    }

    /// <summary>Whoever wrote that view may have died before it sent Start.</summary>
    [Fact]
    public void A_recovery_that_evicted_who_reported_the_trouble_is_led_again_when_no_Start_comes_of_it()
    {
        var probe = CoreProbe.Idle();
        probe.Message(1, new StepFailedMessage(1, 2, null, "test")).AnswerRead();
        probe.Message(1, new StoppedMessage(probe.Coordinator.Recovery!.Id, 1, 1, 1, [TestViews.Id(0)], [TestViews.Id(0)]));
        probe.Overwrite(probe.Record.WithNext(TestViews.Started(2, 2, 0)) with { Evicted = [TestViews.Id(1)] });
        probe.AnswerRefused().AnswerRead();
        while (!probe.Has<ReadRecord>())
            probe.Beat();
        Assert.Equal(3, probe.AnswerRead().Of<WriteRecord>().Single().Record.View.Epoch);
    }

    [Fact]
    public void Who_does_not_answer_Stop_in_time_is_lost_and_the_others_go_on()
    {
        var probe = CoreProbe.Idle();
        probe.Message(1, new StepFailedMessage(1, 2, null, "test")).AnswerRead();
        var until = probe.Now + CoreProbe.Options.RecoveryDeadline;
        var stops = 0;
        while (!probe.Has<WriteRecord>())
            stops += probe.Beat().Sent<StopMessage>(1).Count();
        Assert.Equal((until, 2), (probe.Now, stops)); // Stop is repeated, so that nobody takes this rank for lost
        Assert.Equal([0], probe.Write().Record.View.Members.Select(member => member.Rank));
    }

    [Fact]
    public void A_view_that_has_ended_the_group_is_not_recovered()
    {
        var probe = CoreProbe.Idle();
        probe.Message(1, new StepFailedMessage(1, 2, null, "test"));
        probe.Overwrite(probe.Record.WithNext(new GroupView(2, 0, -1, [], ExpertPlacement.Empty, isTerminal: true)));
        Assert.Empty(probe.AnswerRead().Sent<StopMessage>());
        Assert.Null(probe.Coordinator.Recovery);
    }

    [Fact]
    public void A_leaver_that_is_not_needed_any_more_is_told_so_instead_of_stopping_everybody()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Committed, leaver: 1);
        probe.Step();
        probe.Step();
        Assert.Equal(2, probe.Write().Sent<CompletedMessage>(1).Single().Epoch);
        Assert.Equal(2, probe.Message(1, new StepFailedMessage(1, 2, null, "late")).Sent<CompletedMessage>(1).Single().Epoch);
        Assert.Null(probe.Coordinator.Recovery);
    }

    [Fact]
    public void A_member_that_cannot_reach_another_is_waited_for()
    {
        var probe = CoreProbe.Idle();
        probe.Message(1, new StepFailedMessage(1, 2, null, "test")).AnswerRead();
        Assert.False(Stopped(probe, 1, closed: 1).Has<WriteRecord>());
        Assert.True(Stopped(probe, 1, closed: 1, connected: 0).Has<WriteRecord>());
    }

    [Fact]
    public void The_word_of_whoever_started_a_process_that_it_has_ended_counts_at_once_and_for_that_process_alone()
    {
        var probe = CoreProbe.Idle();
        Assert.Empty(probe.Message(-1, new ProcessEndedMessage(new MemberId(1, 1), "long ago")).Effects);
        Assert.True(probe.Message(-1, new ProcessEndedMessage(TestViews.Id(1), "exited with code 137")).Has<ShowLoss>());
        probe.AnswerRead().Write();
        Assert.Equal("view 2 [0]", $"{probe.Record.View}");
        Assert.Equal(LossReason.Ended, probe.Core.Peers.LossOf(TestViews.Id(1)));
    }

    [Fact]
    public void The_loss_of_an_earlier_process_of_a_rank_evicts_nobody()
    {
        var probe = CoreProbe.Idle().Post(new DialEnded(new MemberId(1, 1), DialResult.Refused, "long ago"));
        Assert.Empty(probe.Effects);
        probe.LoseLink(1).AnswerRead();
        Assert.False(probe.Post(new DialEnded(new MemberId(1, 1), DialResult.Refused, "")).Has<WriteRecord>());
    }

    [Fact]
    public void Another_process_under_the_number_of_a_lost_member_does_not_take_its_place()
    {
        var probe = CoreProbe.Idle().LoseLink(1).AnswerRead();
        probe.Post(new LinkUp(new MemberId(1, 9)));
        Assert.Empty(probe.Sent<StopMessage>(1));
        probe.Lose(1).Write();
        Assert.Equal([0], probe.Record.View.Members.Select(member => member.Rank));
        Assert.Empty(probe.Sent<StartMessage>(1));
    }

    [Fact]
    public void A_member_leads_when_it_is_asked_although_it_does_not_coordinate()
    {
        var probe = CoreProbe.Idle(rank: 1);
        Assert.True(probe.Message(0, new StepFailedMessage(1, 2, null, "test")).Has<ReadRecord>());
        probe.AnswerRead();
        Stopped(probe, 0, closed: 1, connected: 1).Write();
        Assert.Equal((2, MemberPhase.Due, false), (probe.Core.Member.View.Epoch, probe.Core.Member.Phase == MemberPhase.Running ? MemberPhase.Due : probe.Core.Member.Phase, probe.Coordinator.IsActive));
    }

    /// <summary>It is in the view all the same, and a loss is reported once: without this the group would wait for ever for the experts that it alone has.</summary>
    [Fact]
    public void A_member_that_is_lost_while_the_view_of_a_recovery_is_written_is_evicted_by_the_next()
    {
        var probe = CoreProbe.Idle(change: _ => new GroupRecord(TestViews.View(1, 0, 1, 2)));
        probe.Message(1, new StepFailedMessage(1, 2, null, "test")).AnswerRead();
        Stopped(probe, 1, 1, 0, 2);
        Assert.True(Stopped(probe, 2, 1, 0, 1).Has<WriteRecord>());
        var written = probe.Of<WriteRecord>().Single();
        probe.LoseLink(2).Lose(2);
        probe.Effects.Add(written);
        Assert.Equal("view 2 [0 1 2]", $"{probe.Write().Record.View}");
        Assert.True(probe.Has<ReadRecord>());
        probe.AnswerRead();
        Stopped(probe, 1, 1, 0).Write();
        Assert.Equal("view 3 [0 1]", $"{probe.Record.View}");
    }

    [Fact]
    public void An_answer_of_the_store_to_another_request_is_ignored()
    {
        var probe = CoreProbe.Idle();
        probe.Message(1, new StepFailedMessage(1, 2, null, "test"));
        Assert.False(probe.Post(new RecordRead(probe.Stamp - 1, probe.Record, probe.Version)).Has<SendMessage>()); // of another request
        Assert.Single(probe.AnswerRead().Sent<StopMessage>(1));
    }

    [Fact]
    public void A_late_report_of_a_failure_that_is_mended_stops_nobody_and_is_answered_with_Start()
    {
        var probe = CoreProbe.Idle();
        Recover(probe, epoch: 2);
        Assert.Equal(2, probe.Message(1, new StepFailedMessage(1, 2, null, "late")).Sent<StartMessage>(1).Single().View.Epoch);
        Assert.Single(probe.Effects);
    }

    private static CoreProbe Stopped(CoreProbe probe, int from, long closed, params int[] connected) =>
        probe.Message(from, new StoppedMessage(Recovery(probe), 1, closed, 1, [.. connected.Select(TestViews.Id)], [.. connected.Select(TestViews.Id)]));

    private static long Recovery(CoreProbe probe) => probe.Coordinator.Recovery!.Id;

    private static void Recover(CoreProbe probe, long epoch, int? fresh = null)
    {
        var isWaiting = probe.Core.Member.Phase == MemberPhase.Running;
        probe.Message(1, new StepFailedMessage(1, probe.Core.Member.Step, null, "test")).AnswerRead();
        if (isWaiting)
            probe.Post(RankEvent.DelegateReturned(probe.Core.Member.View.Epoch, probe.Core.Member.Step, new OperationCanceledException()));
        if (fresh is { } joiner)
            probe.Message(joiner, new StoppedMessage(Recovery(probe), 0, null, 0, [TestViews.Id(0), TestViews.Id(1)], [TestViews.Id(0), TestViews.Id(1)]));
        Stopped(probe, 1, probe.Core.Member.LastCompleted, 0, 2).Write();
        Assert.Equal(epoch, probe.Record.View.Epoch);
    }
}
