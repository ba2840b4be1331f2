using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Scaling;
using ElasticEp.Tests.Membership;

namespace ElasticEp.Tests.Scaling;

/// <summary>A recovery that has to begin again, or to be finished by another rank.</summary>
public sealed class RecoveryLeadTests
{
    [Fact]
    public void A_failure_in_a_later_view_than_the_recovery_knows_makes_it_begin_again()
    {
        var probe = CoreProbe.Idle();
        probe.Message(1, new StepFailedMessage(1, 2, null, "test")).AnswerRead();
        var first = probe.Coordinator.Recovery!.Id;
        Assert.True(probe.Message(1, new StepFailedMessage(2, 3, null, "test")).Has<ReadRecord>());
        Assert.False(probe.Message(1, new StoppedMessage(first, 1, 1, 1, [TestViews.Id(0)], [TestViews.Id(0)])).Has<WriteRecord>()); // an answer to the one before
        probe.Overwrite(probe.Record.WithNext(TestViews.Started(2, 3, 0, 1)));
        var stop = probe.AnswerRead().Sent<StopMessage>(1).Single();
        Assert.Equal(2, stop.Epoch);
        Assert.NotEqual(first, stop.Recovery);
    }

    [Fact]
    public void A_rank_that_reports_itself_is_evicted_without_an_answer_to_Stop()
    {
        var probe = CoreProbe.Idle().Message(1, new StepFailedMessage(1, 2, TestViews.Id(1), "its load is stuck"));
        Assert.Equal((TestViews.Id(1), LossReason.Stuck), probe.Of<ShowLoss>().Select(shown => (shown.Loss.Peer, shown.Loss.Reason)).Single());
        Assert.Equal([0], probe.AnswerRead().Write().Record.View.Members.Select(member => member.Rank));
    }

    [Fact]
    public void A_rank_that_reported_itself_in_an_earlier_view_is_believed_no_more()
    {
        var probe = CoreProbe.Idle().Message(0, new StartMessage(TestViews.Started(2, 2, 0, 1), 2, "", 0));
        Assert.Empty(probe.Message(1, new StepFailedMessage(1, 2, TestViews.Id(1), "its load is stuck")).Of<ShowLoss>());
    }

    [Fact]
    public void When_a_member_is_lost_that_has_not_answered_the_others_are_asked_again_whom_they_see()
    {
        var probe = CoreProbe.Idle(change: record => record with { View = TestViews.View(1, 0, 1, 2) }).LoseLink(2);
        probe.AnswerRead();
        Assert.Single(probe.Sent<StopMessage>(1));
        probe.Message(1, new StoppedMessage(probe.Coordinator.Recovery!.Id, 1, 1, 1, [TestViews.Id(0), TestViews.Id(2)], [TestViews.Id(0), TestViews.Id(2)]));
        Assert.Single(probe.Lose(2).Sent<StopMessage>(1));
        Assert.Empty(probe.Message(1, new StoppedMessage(probe.Coordinator.Recovery!.Id, 1, 1, 1, [TestViews.Id(0)], [TestViews.Id(0)])).Sent<StopMessage>());
    }

    [Fact]
    public void Who_takes_over_a_recovered_view_starts_it_again()
    {
        var probe = Successor(isCompleted: false);
        Assert.Equal((2, 2), probe.Sent<StartMessage>(2).Select(start => (start.View.Epoch, start.Step)).Single());
        Assert.Empty(probe.Sent<StartMessage>(0)); // it was evicted
        Assert.Empty(probe.Sent<StartMessage>(1)); // this rank itself
    }

    /// <summary>Its predecessor may have ended between its StepEnd and its own switch: then nobody has let the joiners in.</summary>
    [Fact]
    public void Who_takes_over_a_view_that_was_announced_lets_its_joiners_in()
    {
        var probe = CoreProbe.Idle(rank: 1);
        var next = TestViews.View(2, 1, 2);
        probe.Message(0, new PrepareMessage("op", 0, BaseView.Of(probe.Record.View), next, [], TimeSpan.Zero)).LinkUp(2);
        probe.Post(new Fetched("op", next.Digest));
        probe.Step(announced: next);
        Assert.Equal(2, probe.Core.Member.View.Epoch);
        var pending = new PendingOperation(new OperationRequest("op", OperationKind.Scale), [1, 2], [2], [0]) { IsCommitted = true, CommittedViews = 1 };
        probe.Overwrite(probe.Record.WithNext(next) with { Pending = pending });
        var start = probe.AnswerRead().Sent<StartMessage>(2).Single();
        Assert.Equal((2, probe.Core.Member.Step, "op", 1), (start.View.Epoch, start.Step, start.Operation, start.CommittedViews));
        Assert.Empty(probe.Sent<StartMessage>(0));
    }

    [Fact]
    public void Who_takes_over_a_Completed_view_starts_nobody() => Assert.Empty(Successor(isCompleted: true).Sent<StartMessage>());

    [Fact]
    public void A_request_that_is_cancelled_while_the_record_is_not_known_does_not_begin()
    {
        var probe = CoreProbe.Idle();
        probe.Message(1, new StepFailedMessage(1, 2, null, "test")).AnswerUnknown();
        probe.Request("op", size: 3);
        Assert.Empty(probe.Cancel("op").Sent<OperationReplyMessage>());
        probe.AnswerRead().Message(1, new StoppedMessage(probe.Coordinator.Recovery!.Id, 1, 1, 1, [TestViews.Id(0)], [TestViews.Id(0)])).Write();
        probe.Step();
        Assert.False(probe.Write().Has<WriteRecord>());
        Assert.Null(probe.Coordinator.Operation);
    }

    [Fact]
    public void A_request_whose_deadline_passes_while_it_waits_does_not_begin()
    {
        var probe = CoreProbe.Idle();
        probe.Message(1, new StepFailedMessage(1, 2, null, "test")).AnswerUnknown();
        probe.Message(-1, new OperationRequestMessage(new OperationRequest("brief", OperationKind.Scale) { Size = 1, Deadline = TimeSpan.FromMilliseconds(1) }));
        probe.Now += TimeSpan.FromMilliseconds(1);
        probe.Request("new", size: 1).AnswerRead();
        probe.Message(1, new StoppedMessage(probe.Coordinator.Recovery!.Id, 1, 1, 1, [TestViews.Id(0)], [TestViews.Id(0)])).Write();
        Assert.Equal("new", probe.Coordinator.Operation!.Id);
    }

    [Fact]
    public void Requests_that_find_no_room_to_wait_come_again()
    {
        var queue = new RequestQueue();
        for (var call = 0; call <= RequestQueue.Capacity; call++)
            queue.Enqueue(TestViews.Id(1), new OperationRequest($"op{call}", OperationKind.Scale), TimeSpan.MaxValue);
        for (var call = 0; call < RequestQueue.Capacity; call++)
            Assert.True(queue.TryDequeue(TimeSpan.Zero, out _, out var request) && request.Id == $"op{call}");
        Assert.False(queue.TryDequeue(TimeSpan.Zero, out _, out _));
    }

    /// <summary>A watch of a rank that has led before goes on: what it reports must not outlive the end of the trouble.</summary>
    [Fact]
    public void What_could_not_be_read_while_another_led_refuses_no_request()
    {
        var probe = CoreProbe.Idle(rank: 1).Post(new RecordUnreadable(0, "format 9"));
        probe.Message(0, new StartMessage(TestViews.Started(2, 2, 1, 2), 2, "", 0));
        probe.Request("op", size: 3);
        Assert.Empty(probe.Sent<OperationReplyMessage>());
    }

    /// <summary>At a birth that is rank 0, later whoever was in the view before.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void When_nobody_is_left_who_could_let_joiners_in_the_lowest_of_them_leads(bool isBirth)
    {
        var record = isBirth ? GroupRecord.Unborn.WithNext(TestViews.Started(1, 1, 0, 1, 2)) : new GroupRecord(TestViews.View(1, 0)).WithNext(TestViews.View(2, 0, 1, 2));
        var other = CoreProbe.Waiting(2, record).LoseLink(0).Lose(0);
        Assert.Equal(record.View.Epoch, other.Sent<StepFailedMessage>(1).Single().Epoch);
        var probe = CoreProbe.Waiting(1, record).LoseLink(0);
        Assert.False(probe.Has<ReadRecord>());
        Assert.True(probe.Lose(0).Has<ReadRecord>());
        Assert.Single(probe.AnswerRead().Sent<StopMessage>(2));
        probe.Message(2, new StoppedMessage(probe.Coordinator.Recovery!.Id, 0, null, 0, [TestViews.Id(1)], [TestViews.Id(1)]));
        Assert.Equal([1, 2], probe.Write().Record.View.Members.Select(member => member.Rank));
        Assert.Equal(record.View.Epoch + 1, probe.Core.Member.View.Epoch);
    }

    [Theory]
    [InlineData(new[] { 0, 3 }, new[] { 0, 1, 3 }, false)] // rank 3 will let it in
    [InlineData(new[] { 0, 3 }, new[] { 1 }, true)] // rank 3 leaves, and is not the coordinator that leads until that is done
    [InlineData(new[] { 2, 3 }, new[] { 0, 1 }, false)] // rank 2 leaves, and is
    [InlineData(new[] { 0, 3 }, new[] { 0, 1 }, true)] // rank 3 leaves, and leads nothing
    public void Joiners_wait_for_who_will_let_them_in(int[] before, int[] next, bool leads)
    {
        var record = new GroupRecord(TestViews.View(1, before)).WithNext(TestViews.View(2, next));
        Assert.Equal(leads, CoreProbe.Waiting(1, record).LoseLink(0).Lose(0).Has<ReadRecord>());
    }

    /// <summary>The view that was being prepared has the epoch of the other recovery's: committing it would give two views one epoch.</summary>
    [Theory]
    [InlineData(nameof(OperationPhase.Preparing), null)]
    [InlineData(nameof(OperationPhase.Draining), 1)]
    public void An_operation_goes_on_upon_the_view_that_the_recovery_of_another_has_written(string phase, int? leaver)
    {
        var probe = CoreProbe.Idle().AdvanceTo(Enum.Parse<OperationPhase>(phase), leaver);
        Assert.Equal(2, probe.Coordinator.Operation!.Next!.Epoch);
        probe.Message(1, new StepFailedMessage(1, 2, null, "test"));
        probe.Overwrite(probe.Record.WithNext(TestViews.Started(2, 2, 0, 1)));
        probe.AnswerRead();
        Assert.Null(probe.Coordinator.Operation!.Next);
        probe.Message(1, new StoppedMessage(probe.Coordinator.Recovery!.Id, 1, 1, 1, [TestViews.Id(0)], [TestViews.Id(0)])).Write();
        probe.Step();
        Assert.Equal(3, probe.Record.View.Epoch);
        Assert.Equal(4, probe.Write().Sent<PrepareMessage>(1).Single().Next.Epoch);
    }

    [Fact]
    public void A_leaver_whose_link_is_lost_while_it_is_to_stop_is_connected_again()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Committed, leaver: 1);
        probe.Step();
        Assert.False(probe.Core.Member.View.Contains(TestViews.Id(1)));
        Assert.Single(probe.Message(1, new StepFailedMessage(1, 2, null, "test")).AnswerRead().Sent<StopMessage>(1));
        Assert.Equal(TestViews.Id(1), Assert.Single(probe.LoseLink(1).Of<Dial>()).Peer.Id);
        Assert.Single(probe.LinkUp(1).Sent<StopMessage>(1));
    }

    [Fact]
    public void The_failure_of_one_whom_the_record_does_not_need_stops_nobody()
    {
        var probe = CoreProbe.Idle();
        probe.Message(1, new StepFailedMessage(1, 2, null, "test"));
        probe.Overwrite(probe.Record.WithNext(TestViews.View(2, 0)).AfterCompletion());
        probe.AnswerRead();
        Assert.Equal(2, Assert.Single(probe.Sent<CompletedMessage>(1)).Epoch);
        Assert.Empty(probe.Sent<StopMessage>());
        Assert.Null(probe.Coordinator.Recovery);
    }

    /// <summary>Rank 1, which coordinates view 2 [1 2] after rank 0 was evicted, and has read the record.</summary>
    private static CoreProbe Successor(bool isCompleted)
    {
        var view = TestViews.Started(2, 2, 1, 2);
        var probe = CoreProbe.Idle(rank: 1);
        probe.Message(0, new StartMessage(view, 2, "", 0));
        Assert.True(probe.Coordinator.IsActive && probe.Has<ReadRecord>());
        var record = probe.Record.WithNext(view) with { Evicted = [TestViews.Id(0)] };
        probe.Overwrite(isCompleted ? record.AfterCompletion() : record);
        return probe.AnswerRead();
    }
}
