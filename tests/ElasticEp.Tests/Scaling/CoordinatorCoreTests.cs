using ElasticEp.Events;
using ElasticEp.Membership;
using ElasticEp.Protocol;
using ElasticEp.Scaling;
using ElasticEp.Steps;
using ElasticEp.Tests.Membership;
using ElasticEp.Transport;

namespace ElasticEp.Tests.Scaling;

public sealed class CoordinatorCoreTests
{
    [Fact]
    public void A_growth_goes_through_every_stage_and_completes()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Committed);
        Assert.Equal([0, 1, 2], probe.Record.View.Members.Select(member => member.Rank));
        probe.Step();
        Assert.Equal(2, probe.Core.Member.View.Epoch);
        probe.Step();
        probe.Write();
        Assert.Null(probe.Coordinator.Operation);
        Assert.Equal((null, true, "op"), (probe.Record.Pending, probe.Outcome.IsCompleted, probe.Outcome.Id));
    }

    [Fact]
    public void Joiners_are_told_to_start_when_the_coordinator_switches()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Committed);
        probe.Step();
        var start = new StartMessage(probe.Record.View, probe.Core.Member.Step, "op", 1);
        probe.LinkUp(2);
        Assert.Equal([start], probe.Sent<StartMessage>(2).Select(sent => start with { View = sent.View, Step = sent.Step }));
        Assert.Empty(probe.LinkUp(1).Sent<StartMessage>());
    }

    [Fact]
    public void A_commit_that_is_acknowledged_after_others_have_gone_on_from_it_is_not_announced()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Committing);
        probe.Apply();
        var committed = new RecordWritten(probe.Stamp, true, null, probe.Version);
        probe.Message(1, new StopMessage(2, 1));
        var recovered = TestViews.Started(3, 2, 0, 1, 2);
        probe.Overwrite(probe.Record.WithNext(recovered));
        probe.Message(1, new StartMessage(recovered, 2, "op", 1));
        Assert.True(probe.Post(committed).Has<ReadRecord>());
        probe.AnswerRead().Step();
        Assert.Equal((MemberPhase.Idle, 3, OperationPhase.Completing), (probe.Core.Member.Phase, probe.Core.Member.View.Epoch, probe.Phase));
        Assert.DoesNotContain(probe.Effects, effect => effect.NextEpoch > 0);
    }

    [Fact]
    public void The_same_operation_twice_is_one_operation()
    {
        var probe = CoreProbe.Idle().Request("op", size: 3).Write().Request("op", size: 3);
        Assert.Equal(0, probe.Sent<OperationReplyMessage>(-1).Single().Code);
        Assert.False(probe.Has<WriteRecord>());
    }

    [Fact]
    public void Another_operation_meanwhile_is_refused()
    {
        var answer = CoreProbe.Idle().Request("op", size: 3).Write().Request("other", size: 4).Sent<OperationReplyMessage>(-1).Single();
        Assert.Equal(((int)ElasticEpErrorCode.ScaleInProgress, "op"), (answer.Code, answer.Detail));
    }

    [Fact]
    public void An_operation_that_has_ended_earlier_is_not_run_again()
    {
        var probe = CoreProbe.Idle().Request("first", size: 2).Write().Request("second", size: 2).Write().Request("first", size: 2);
        Assert.Equal(0, probe.Sent<OperationReplyMessage>(-1).Single().Code); // its outcome is in the record
        Assert.False(probe.Has<WriteRecord>());
    }

    [Fact]
    public void A_request_that_comes_after_its_cancel_is_refused()
    {
        var probe = CoreProbe.Idle().Cancel("op");
        Assert.Equal((int)ElasticEpErrorCode.OperationAborted, probe.Sent<OperationReplyMessage>(-1).Single().Code);
        Assert.Equal((int)ElasticEpErrorCode.OperationAborted, probe.Request("op", size: 3).Sent<OperationReplyMessage>(-1).Single().Code);
        Assert.False(probe.Has<WriteRecord>());
        Assert.True(probe.Request("other", size: 3).Has<WriteRecord>());
    }

    [Fact]
    public void A_cancelled_call_never_begins_and_a_later_one_with_the_same_id_does()
    {
        var probe = CoreProbe.Idle().Cancel("op", call: 1);
        Assert.Equal((int)ElasticEpErrorCode.OperationAborted, probe.Request("op", size: 3, call: 1).Sent<OperationReplyMessage>(-1).Single().Code);
        Assert.True(probe.Request("op", size: 3, call: 2).Has<WriteRecord>());
    }

    [Fact]
    public void A_late_cancel_of_a_call_that_never_began_leaves_the_operation_to_the_calls_that_wait_for_it()
    {
        var probe = CoreProbe.Idle().Cancel("op", call: 1).Request("op", size: 3, call: 2).Write();
        var late = probe.Cancel("op", call: 1).Sent<OperationReplyMessage>(-1).Single(); // its confirmation was lost
        Assert.Equal(((int)ElasticEpErrorCode.OperationAborted, 1L, null), (late.Code, late.Call, probe.Coordinator.Operation!.AbortReason));
        probe.Request("op", size: 3, call: 3).Cancel("op", call: 3);
        Assert.Equal("it was cancelled by its caller", probe.Coordinator.Operation!.AbortReason);
        Assert.Empty(probe.Cancel("op", call: 3).Sent<OperationReplyMessage>(-1)); // the record says how it ends
    }

    [Fact]
    public void What_is_called_as_the_groups_own_operations_are_is_refused()
    {
        var refused = CoreProbe.Idle().Request(OperationRequest.BirthId, size: 3).Sent<OperationReplyMessage>(-1).Single();
        Assert.Equal((int)ElasticEpErrorCode.InvalidArgument, refused.Code);
    }

    [Fact]
    public void However_many_wait_their_turn_all_have_it()
    {
        var probe = CoreProbe.Idle().Request("op", size: 3).Write();
        for (var leave = 0; leave < 20; leave++)
            probe.Request($"leave {leave}", kind: OperationKind.Leave, remove: [4 + leave]);
        probe.Request("leave", kind: OperationKind.Leave, remove: [1], endedBefore: 0);
        for (var again = 0; again < 20; again++)
            probe.Request($"leave {again}", kind: OperationKind.Leave, remove: [4 + again]);
        var record = probe.Record;
        for (var ended = 0; ended < 20; ended++)
            record = record.AfterEnd(new OperationOutcome($"ended {ended}", true, "", new OperationFigures()), OperationKind.Scale);
        probe.Overwrite(record);
        probe.Cancel("op").AnswerRefused().AnswerRead();
        Assert.Equal("leave", probe.Coordinator.Operation?.Id); // those before it name no members
    }

    [Fact]
    public void What_waits_for_many_operations_of_this_rank_is_known_not_to_have_run()
    {
        var queue = new RequestQueue();
        var request = new OperationRequest("op", OperationKind.Scale) { EndedBefore = 3 };
        queue.Enqueue(TestViews.Id(1), request, TimeSpan.MaxValue);
        for (var ended = 4; ended < 40; ended++)
            queue.OnEnded(ended);
        Assert.True(queue.IsWaiting(request));
        Assert.True(queue.TryDequeue(TimeSpan.Zero, out _, out var waiting));
        Assert.Equal(39, waiting.EndedBefore);
    }

    [Fact]
    public void A_member_that_is_told_of_trouble_that_concerns_nobody_does_not_coordinate()
    {
        var probe = CoreProbe.Idle(rank: 1);
        var pending = new PendingOperation(new OperationRequest("op", OperationKind.Scale) { Size = 3 }, [0, 1, 2], [2], []);
        probe.Overwrite(probe.Record with { Pending = pending });
        probe.Message(2, new StepFailedMessage(1, 2, TestViews.Id(0), "it reaches nobody else")).AnswerRead();
        Assert.Equal((false, false), (probe.Coordinator.IsActive, probe.Has<WriteRecord>()));
        Assert.Single(probe.Sent<CompletedMessage>(2));
    }

    [Fact]
    public void A_report_of_who_takes_no_part_counts_for_nothing()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Preparing);
        probe.Report(3, PreparationState.Ready, moved: long.MaxValue);
        Assert.Equal(0, probe.Coordinator.Operation!.BytesMoved);
    }

    [Fact]
    public void A_request_whose_outcome_may_have_been_forgotten_is_refused_instead_of_run_again()
    {
        var probe = CoreProbe.Idle();
        for (var ended = 0; ended <= OutcomeLog.Capacity; ended++)
            probe.Request($"op {ended}", size: 2).Write();
        Assert.Equal((int)ElasticEpErrorCode.OutcomeUnknown, probe.Request("op 0", size: 2, endedBefore: 0).Sent<OperationReplyMessage>(-1).Single().Code);
        Assert.False(probe.Has<WriteRecord>());
        Assert.True(probe.Request("new", size: 3, endedBefore: 1).Has<WriteRecord>());
    }

    [Fact]
    public void A_requester_that_has_seen_a_later_record_makes_the_coordinator_read_it()
    {
        var probe = CoreProbe.Idle().Request("op", size: 3, endedBefore: 1);
        Assert.True(probe.Has<ReadRecord>());
        probe.Overwrite(probe.Record.AfterEnd(new OperationOutcome("op", true, "", new OperationFigures()), OperationKind.Scale));
        Assert.Equal(0, probe.AnswerRead().Sent<OperationReplyMessage>(-1).Single().Code); // it has ended: the record says how
        Assert.False(probe.Has<WriteRecord>());
    }

    [Fact]
    public void While_the_record_cannot_be_read_requests_are_refused_with_the_reason()
    {
        var probe = CoreProbe.Idle().Post(new RecordUnreadable(0, "format 9"));
        var refused = probe.Request("op", size: 3).Sent<OperationReplyMessage>(-1).Single();
        Assert.Equal((int)ElasticEpErrorCode.StoreUnavailable, refused.Code);
        Assert.Contains("format 9", refused.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Leavers_are_released_only_when_it_is_durable_that_their_view_is_Completed()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Committed, leaver: 1);
        probe.Step();
        probe.Step();
        Assert.Empty(probe.Sent<CompletedMessage>());
        probe.Apply();
        Assert.Empty(probe.AnswerUnknown().Sent<CompletedMessage>());
        Assert.Equal(2, probe.AnswerRead().Sent<CompletedMessage>(1).Single().Epoch);
    }

    [Fact]
    public void A_leave_waits_its_turn_even_behind_one_that_is_refused()
    {
        var probe = CoreProbe.Idle().Request("op", size: 3).Write()
            .Request("gone", kind: OperationKind.Leave, remove: [4])
            .Request("leave", kind: OperationKind.Leave, remove: [1])
            .Cancel("op").Write();
        Assert.Equal("leave", probe.Coordinator.Operation?.Id);
        Assert.Equal("gone", probe.Sent<OperationReplyMessage>(-1).First(answer => answer.Code != 0).Operation);
    }

    [Fact]
    public void A_leave_that_waits_can_be_cancelled()
    {
        var probe = CoreProbe.Idle().Request("op", size: 3).Write().Request("leave", kind: OperationKind.Leave, remove: [1]).Message(-1, new CancelMessage("leave", 0));
        Assert.Equal((int)ElasticEpErrorCode.OperationAborted, probe.Sent<OperationReplyMessage>(-1).Single().Code);
        probe.Cancel("op").Write();
        Assert.Null(probe.Coordinator.Operation);
    }

    [Theory]
    [InlineData(nameof(OperationPhase.Gathering))]
    [InlineData(nameof(OperationPhase.Planning))]
    [InlineData(nameof(OperationPhase.Preparing))]
    public void A_cancelled_operation_is_undone(string name)
    {
        var stage = Enum.Parse<OperationPhase>(name);
        var probe = CoreProbe.Idle().AdvanceTo(stage).Cancel("op");
        Assert.Empty(probe.Sent<AbortMessage>()); // another coordinator may have committed it meanwhile
        probe.Write();
        Assert.Equal("op", probe.Sent<AbortMessage>(2).Single().Operation);
        Assert.True(probe.Has<Disconnect>());
        Assert.Equal((1, false), (probe.Record.View.Epoch, probe.Outcome.IsCompleted));
        Assert.Equal("", probe.Core.Preparation.Operation);
        Assert.Equal(OperationPhase.Proposing, probe.Request("next", size: 4).Phase);
    }

    [Fact]
    public void An_operation_that_another_coordinator_has_committed_is_not_undone()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Preparing);
        var (next, pending) = (probe.Coordinator.Operation!.Next!, probe.Coordinator.Operation.Pending);
        probe.Cancel("op");
        probe.Overwrite(probe.Record.WithNext(next) with { Pending = pending with { IsCommitted = true, CommittedViews = 1 } });
        Assert.Empty(probe.AnswerRefused().Sent<AbortMessage>());
        Assert.Equal("op", probe.Core.Preparation.Operation);
    }

    [Fact]
    public void After_the_commit_a_cancel_changes_nothing() =>
        Assert.Equal(OperationPhase.Committed, CoreProbe.Idle().AdvanceTo(OperationPhase.Committed).Cancel("op").Phase);

    [Fact]
    public void An_operation_that_passes_its_deadline_says_what_it_waited_for()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Gathering);
        probe.Now = probe.Coordinator.WakeAt!.Value;
        probe.Post(RankEvent.Tick).Write();
        Assert.Contains("rank 2 to start", probe.Outcome.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_view_is_not_announced_before_its_write_is_known_to_have_happened()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Committing);
        probe.Apply();
        probe.AnswerUnknown();
        Assert.True(probe.Has<ReadRecord>());
        Assert.False(probe.Has(StepEffectKind.SendWake));
        Assert.True(probe.AnswerRead().Has(StepEffectKind.SendWake));
    }

    [Fact]
    public void A_write_that_did_not_happen_is_tried_again()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Committing).AnswerUnknown().AnswerRead();
        Assert.Equal(probe.Version, Assert.Single(probe.Of<WriteRecord>()).ExpectedVersion);
        Assert.True(probe.Write().Has(StepEffectKind.SendWake));
    }

    [Fact]
    public void A_coordinator_that_was_overtaken_does_what_the_record_says()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Preparing);
        probe.FetchEverywhere();
        probe.Overwrite(probe.Record.AfterEnd(new OperationOutcome("op", false, "another coordinator", new OperationFigures()), OperationKind.Scale));
        probe.AnswerRefused();
        Assert.True(probe.Has<ReadRecord>());
        probe.AnswerRead();
        Assert.Null(probe.Coordinator.Operation);
        Assert.Equal(OperationPhase.Proposing, probe.Request("next", size: 3).Phase);
    }

    [Fact]
    public void When_the_coordinator_leaves_its_successor_completes_the_operation()
    {
        var leaving = CoreProbe.Idle().AdvanceTo(OperationPhase.Committed, leaver: 0);
        var next = leaving.Record.View;
        leaving.Step();
        Assert.Equal((MemberPhase.Gone, false), (leaving.Core.Member.Phase, leaving.Coordinator.IsActive));

        var successor = CoreProbe.Idle(rank: 1);
        successor.Message(0, new PrepareMessage("op", 0, BaseView.Of(TestViews.View(1, 0, 1)), next, [], TimeSpan.Zero)).Post(new Fetched("op", next.Digest));
        successor.Step(announced: next);
        successor.Overwrite(leaving.Record);
        successor.AnswerRead();
        Assert.Equal(OperationPhase.Committed, successor.Phase);
        successor.Step();
        Assert.Equal(2, successor.Write().Sent<CompletedMessage>(0).Single().Epoch);
    }

    [Fact]
    public void The_rank_of_a_dismissed_process_can_be_asked_for_again()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Preparing).Cancel("op").Write().Request("again", size: 3).Write();
        probe.Post(new RankUnregistered(TestViews.Id(2)));
        Assert.Equal(OperationPhase.Gathering, probe.Phase);
        probe.Post(new RankRegistered(TestViews.Member(2) with { Incarnation = 77, Address = "new" }));
        Assert.Equal("new", Assert.Single(probe.Of<Dial>()).Peer.Address);
    }

    [Fact]
    public void Stopping_the_group_needs_no_placement_and_ends_with_a_terminal_view()
    {
        var probe = CoreProbe.Idle().Request("stop", kind: OperationKind.Stop).Write();
        Assert.False(probe.Has<Plan>());
        probe.FetchEverywhere();
        probe.Write();
        Assert.True(probe.Record.View.IsTerminal);
        Assert.Null(probe.Record.Pending);
        probe.Step();
        Assert.Equal(MemberPhase.Gone, probe.Core.Member.Phase);
        Assert.False(probe.Post(RankEvent.CallerWaits).Effects.Single().Result);
    }
}
