using ElasticEp.Events;
using ElasticEp.Membership;
using ElasticEp.Protocol;
using ElasticEp.Scaling;
using ElasticEp.Tests.Membership;
using ElasticEp.Transport;

namespace ElasticEp.Tests.Scaling;

/// <summary>The store is restarted without its state, or with an older one.</summary>
public sealed class RestoreTests
{
    private const long Gap = 1 << 20;

    [Fact]
    public void The_record_that_the_members_hold_is_written_again_under_a_later_epoch()
    {
        var probe = CoreProbe.Idle();
        Assert.True(probe.Post(new RegistrationLost()).Has<ReadRecord>());
        probe.AnswerLost().AnswerLost(); // the second read is that of a recovery
        Assert.Equal(1, probe.Sent<StopMessage>(1).Single().Epoch);
        var write = Stopped(probe, 1).Of<WriteRecord>().Single();
        Assert.Equal((0, 1 + Gap), (write.ExpectedVersion, write.Record.View.Epoch));
        Assert.Equal(probe.Record.View.Members, write.Record.View.Members);
        Assert.Equal(1, write.Record.LastCompleted!.Epoch);
        Assert.Equal(1 + Gap, probe.Write().Sent<StartMessage>(1).Single().View.Epoch);
        Assert.Equal(1 + Gap, probe.Core.Member.View.Epoch);
        probe.Step();
        Assert.True(probe.Write().Record.IsCompleted);
    }

    [Fact]
    public void A_registration_that_is_lost_alone_changes_nothing()
    {
        var probe = CoreProbe.Idle();
        probe.Post(new RegistrationLost()).AnswerRead();
        Assert.Empty(probe.Effects);
        Assert.Null(probe.Coordinator.Recovery);
        Assert.Empty(CoreProbe.Idle(rank: 1).Post(new RegistrationLost()).Effects); // it does not lead
    }

    [Fact]
    public void An_older_record_in_the_store_is_replaced_in_its_place()
    {
        var probe = CoreProbe.Idle();
        probe.Post(new RegistrationLost()).AnswerLost(GroupRecord.Unborn, 900).AnswerLost(GroupRecord.Unborn, 900);
        Assert.Equal(900, Stopped(probe, 1).Of<WriteRecord>().Single().ExpectedVersion);
    }

    [Fact]
    public void The_newest_record_is_the_one_that_a_watch_has_shown_when_this_rank_has_not_read_it()
    {
        var probe = CoreProbe.Idle();
        var known = probe.Record with { Wanted = 7 };
        probe.Post(new RecordSeen(known, probe.Version + 1)).Post(new RegistrationLost()).AnswerLost().AnswerLost();
        Assert.Equal(7, Stopped(probe, 1).Of<WriteRecord>().Single().Record.Wanted);
    }

    [Fact]
    public void A_write_that_the_loss_has_refused_leaves_the_record_that_is_held()
    {
        var probe = CoreProbe.Idle().Request("op", size: 1);
        Assert.True(probe.Has<WriteRecord>());
        probe.Post(new RecordWritten(probe.Stamp, false, null, 0)).AnswerLost().AnswerLost();
        Assert.Equal([0, 1], Stopped(probe, 1).Of<WriteRecord>().Single().Record.View.Members.Select(member => member.Rank));
    }

    [Fact]
    public void A_view_that_nobody_here_has_seen_in_the_record_is_held_all_the_same()
    {
        var probe = CoreProbe.Idle(rank: 1);
        var joined = TestViews.Started(2, 2, 0, 1, 2);
        probe.Message(0, new StopMessage(1, 1)).Message(0, new StartMessage(joined, 2, "", 0));
        Assert.Equal(2, probe.Core.Member.View.Epoch);
        probe.Message(2, new StepFailedMessage(2, 2, TestViews.Id(0), "test")).AnswerLost().AnswerLost();
        Assert.Equal([0, 1, 2], probe.Coordinator.Record.View.Members.Select(member => member.Rank));
    }

    [Fact]
    public void Members_that_are_known_to_have_ended_are_not_waited_for()
    {
        var probe = CoreProbe.Idle().LoseLink(1);
        probe.AnswerLost().AnswerLost().Lose(1);
        Assert.Equal([0], probe.Of<WriteRecord>().Single().Record.View.Members.Select(member => member.Rank));
    }

    [Fact]
    public void Half_of_the_members_restore_nothing_while_nothing_is_heard_of_the_others()
    {
        var probe = CoreProbe.Idle();
        probe.Post(new RegistrationLost()).AnswerLost().AnswerLost();
        var until = probe.Now + (CoreProbe.Options.RecoveryDeadline * 4);
        while (probe.Now < until)
        {
            probe.Beat();
            if (probe.Has<ReadRecord>())
                probe.AnswerLost();
            Assert.False(probe.Has<WriteRecord>());
        }

        Assert.True(probe.Core.Peers.IsLost(TestViews.Id(1)));
        Assert.Equal(RecoveryPhase.Stopping, probe.Coordinator.Recovery!.Phase);
        Assert.True(Stopped(probe, 1).Has<WriteRecord>()); // it is heard again
    }

    [Fact]
    public void Who_is_in_a_later_view_is_to_lead()
    {
        var probe = CoreProbe.Idle();
        probe.Post(new RegistrationLost()).AnswerLost().AnswerLost();
        var answer = new StoppedMessage(probe.Coordinator.Recovery!.Id, 2, 3, 2, [TestViews.Id(0)], [TestViews.Id(0)]);
        Assert.Single(probe.Message(1, answer).Sent<StepFailedMessage>(1));
        Assert.False(probe.Has<WriteRecord>());
        Assert.Equal(RecoveryPhase.Following, probe.Coordinator.Recovery!.Phase);
        while (!probe.Has<ReadRecord>())
            probe.Beat(); // it does not: this rank begins again
        Assert.Single(probe.AnswerLost().Sent<StopMessage>(1));
    }

    [Fact]
    public void Somebody_else_who_has_restored_it_is_followed()
    {
        var probe = CoreProbe.Idle();
        probe.Post(new RegistrationLost()).AnswerLost().AnswerLost();
        Stopped(probe, 1);
        probe.Overwrite(probe.Record.WithNext(TestViews.Started(1 + Gap, 2, 0, 1)) with { Wanted = 9 });
        Assert.Equal(RecoveryPhase.Following, probe.AnswerRefused().AnswerRead().Coordinator.Recovery!.Phase);
        probe.Message(1, new StartMessage(probe.Record.View, 2, "", 0));
        Assert.Null(probe.Coordinator.Recovery);
        Assert.False(probe.AnswerRead().Has<WriteRecord>());
    }

    [Theory]
    [InlineData(nameof(OperationPhase.Preparing))]
    [InlineData(nameof(OperationPhase.Committed))]
    public void An_operation_goes_on_in_the_restored_record(string phase)
    {
        var probe = CoreProbe.Idle().AdvanceTo(Enum.Parse<OperationPhase>(phase));
        probe.Post(new RegistrationLost()).AnswerLost().AnswerLost();
        if (phase == nameof(OperationPhase.Committed))
            probe.Message(2, new StoppedMessage(probe.Coordinator.Recovery!.Id, 0, null, 0, [TestViews.Id(0), TestViews.Id(1)], [TestViews.Id(0), TestViews.Id(1)]));
        var record = Stopped(probe, 1, 0, 2).Of<WriteRecord>().Single().Record;
        Assert.Equal(("op", phase == nameof(OperationPhase.Committed) ? 3 : 2), (record.Pending!.Id, record.View.Members.Length));
    }

    [Fact]
    public void A_joiner_whose_registration_is_lost_while_it_is_connected_stays()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Preparing);
        probe.Post(new RankUnregistered(TestViews.Id(2)));
        Assert.Null(probe.Coordinator.Operation!.AbortReason);
        Assert.Contains("rank 2 ended before it was admitted", probe.LoseLink(2).Write().Outcome.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Who_loads_experts_of_a_view_that_is_not_in_the_record_that_is_held_goes_on_with_it()
    {
        var probe = CoreProbe.Idle(rank: 1);
        probe.Message(0, new StopMessage(1, 1)).Message(0, new StartMessage(TestViews.Started(2, 2, 0, 1, 2), 2, "", 0) { Reloading = [2] });
        probe.Message(2, new StepFailedMessage(2, 2, TestViews.Id(0), "test")).AnswerLost().AnswerLost();
        Assert.Equal([2], probe.Coordinator.Record.Reloading);
    }

    [Fact]
    public void A_recovery_that_a_stranger_has_asked_for_does_not_end_with_the_record_lost()
    {
        var probe = CoreProbe.Idle();
        probe.Post(new StoreIsBack()).Message(9, new StepFailedMessage(1, 1, null, "a stranger"));
        probe.AnswerLost().AnswerLost();
        Assert.Single(probe.Sent<StopMessage>(1));
    }

    [Fact]
    public void Who_begins_to_lead_knows_that_the_store_has_gone_back_behind_a_record_that_it_has_seen()
    {
        var probe = CoreProbe.Idle(rank: 1);
        var old = probe.Record;
        probe.Post(new RecordSeen(old.WithNext(TestViews.Started(2, 2, 0, 1)), probe.Version + 1)).Post(new RecordSeen(old, 900));
        probe.LoseLink(0).Lose(0).AnswerLost(old, 900);
        var write = probe.Of<WriteRecord>().Single();
        Assert.Equal((900, 2 + Gap), (write.ExpectedVersion, write.Record.View.Epoch)); // view 2 may be in use somewhere
    }

    [Fact]
    public void A_group_that_has_gone_back_with_the_store_is_not_brought_forward_again()
    {
        var probe = CoreProbe.Idle(rank: 1);
        var back = probe.Record.WithNext(TestViews.Started(2, 2, 0, 1));
        probe.Post(new RecordSeen(probe.Record.WithNext(TestViews.Started(5, 2, 0, 1)), probe.Version + 1));
        probe.Message(0, new StopMessage(1, 1)).Message(0, new StartMessage(back.View, 2, "", 0)); // of a leader that did not know of view 5
        probe.Overwrite(back);
        probe.LoseLink(0).Lose(0).AnswerRead().AnswerRead();
        Assert.Equal(3, probe.Of<WriteRecord>().Single().Record.View.Epoch);
    }

    [Fact]
    public void Another_view_of_the_same_epoch_takes_the_place_of_the_one_that_was_seen()
    {
        var probe = CoreProbe.Idle(rank: 1);
        var back = probe.Record.WithNext(TestViews.Started(2, 2, 0, 1));
        probe.Post(new RecordSeen(probe.Record.WithNext(TestViews.Started(2, 2, 0, 1, 3)), 500)); // which the store has lost
        probe.Message(0, new StopMessage(1, 1)).Message(0, new StartMessage(back.View, 2, "", 0));
        probe.LoseLink(0).Lose(0).AnswerLost(GroupRecord.Unborn, 900);
        Assert.DoesNotContain(probe.Coordinator.Record.View.Members, member => member.Rank == 3);
        Assert.Equal(back.View.Digest, probe.Coordinator.Record.View.Digest);
    }

    [Fact]
    public void A_birth_whose_first_view_the_store_has_lost_is_over_where_there_are_members()
    {
        var birth = GroupRecord.Unborn with { Pending = new PendingOperation(new OperationRequest(OperationRequest.BirthId, OperationKind.Birth), [0, 1], [0, 1], []) };
        var probe = CoreProbe.Waiting(1, birth).Post(new RecordSeen(birth, 3)).LinkUp(0).Message(0, new StartMessage(TestViews.Started(1, 1, 0, 1), 1, OperationRequest.BirthId, 1));
        probe.Step();
        probe.LoseLink(0).Lose(0).AnswerLost(birth, 900).Write();
        probe.Step();
        probe.Write();
        Assert.Null(probe.Record.Pending);
        Assert.Equal((true, "rank 0 was lost while the group switched"), (probe.Record.Own.Kept.Single().IsCompleted, probe.Record.Own.Kept.Single().Reason));
    }

    [Fact]
    public void A_birth_that_the_store_has_lost_begins_anew()
    {
        var probe = CoreProbe.Unborn();
        probe.Post(new RegistrationLost()).AnswerLost();
        Assert.Equal(("@birth", 0), (probe.Of<WriteRecord>().Single().Record.Pending!.Id, probe.Of<WriteRecord>().Single().ExpectedVersion));
    }

    [Fact]
    public void A_fresh_rank_0_begins_no_birth_while_a_process_has_registered_that_is_in_a_view()
    {
        var probe = CoreProbe.Fresh();
        Assert.False(probe.Post(new RankRegistered(TestViews.Member(3), Epoch: 9)).Post(new BirthRequested()).AnswerLost().Has<WriteRecord>());
        Assert.True(probe.Post(new RankUnregistered(TestViews.Id(3))).Has<WriteRecord>());
    }

    [Fact]
    public void A_fresh_rank_0_waits_for_members_of_a_group_that_may_live()
    {
        var probe = CoreProbe.Fresh();
        Assert.False(probe.Post(new BirthRequested(TimeSpan.FromSeconds(3))).AnswerLost().Has<WriteRecord>());
        Assert.Equal(probe.Now + TimeSpan.FromSeconds(3), probe.Coordinator.WakeAt);
        probe.Now += TimeSpan.FromSeconds(3);
        Assert.True(probe.Post(RankEvent.Tick).Has<WriteRecord>());
    }

    [Fact]
    public void A_process_that_is_in_a_view_is_no_joiner()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Gathering);
        Assert.Empty(probe.Post(new RankRegistered(TestViews.Member(2), Epoch: 1)).Of<Plan>());
        Assert.NotEmpty(probe.Register(2).Of<Plan>());
    }

    private static CoreProbe Stopped(CoreProbe probe, int from, params int[] connected)
    {
        MemberId[] peers = [.. (connected.Length > 0 ? connected : [0]).Select(peer => TestViews.Id(peer))];
        return probe.Message(from, new StoppedMessage(probe.Coordinator.Recovery!.Id, 1, probe.Core.Member.LastCompleted, 1, [.. peers], [.. peers]));
    }
}
