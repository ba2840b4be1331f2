using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Scaling;
using ElasticEp.Steps;
using ElasticEp.Tests.Membership;

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
        Assert.Equal((null, true, "op"), (probe.Record.Pending, probe.Record.Last!.IsCompleted, probe.Record.Last.Id));
    }

    [Fact]
    public void Joiners_are_told_to_start_when_the_coordinator_switches()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Committed);
        probe.Step();
        var start = new StartMessage(probe.Record.View, probe.Core.Member.Step, "op", 1);
        probe.Post(new RankEvent(RankEventKind.LinkUp) { Peer = 2, Number = 3 });
        Assert.Equal([start], probe.Sent<StartMessage>(2).Select(sent => start with { View = sent.View, Step = sent.Step }));
        Assert.Empty(probe.Post(new RankEvent(RankEventKind.LinkUp) { Peer = 1, Number = 2 }).Sent<StartMessage>());
    }

    [Fact]
    public void The_same_operation_twice_is_one_operation()
    {
        var probe = CoreProbe.Idle().Ask("op", size: 3).Write().Ask("op", size: 3);
        Assert.Equal(0, probe.Sent<OperationReplyMessage>(-1).Single().Code);
        Assert.False(probe.Has(RankEffectKind.WriteRecord));
    }

    [Fact]
    public void Another_operation_meanwhile_is_refused()
    {
        var answer = CoreProbe.Idle().Ask("op", size: 3).Write().Ask("other", size: 4).Sent<OperationReplyMessage>(-1).Single();
        Assert.Equal(((int)ElasticEpErrorCode.ScaleInProgress, "op"), (answer.Code, answer.Detail));
    }

    [Fact]
    public void An_operation_that_has_ended_earlier_is_not_run_again()
    {
        var probe = CoreProbe.Idle().Ask("first", size: 2).Write().Ask("second", size: 2).Write().Ask("first", size: 2);
        Assert.Equal(0, probe.Sent<OperationReplyMessage>(-1).Single().Code); // its outcome is in the record
        Assert.False(probe.Has(RankEffectKind.WriteRecord));
    }

    [Fact]
    public void A_request_that_comes_after_its_cancel_is_refused()
    {
        var probe = CoreProbe.Idle().Message(-1, new CancelMessage("op"));
        Assert.Equal((int)ElasticEpErrorCode.OperationAborted, probe.Sent<OperationReplyMessage>(-1).Single().Code);
        Assert.Equal((int)ElasticEpErrorCode.OperationAborted, probe.Ask("op", size: 3).Sent<OperationReplyMessage>(-1).Single().Code);
        Assert.False(probe.Has(RankEffectKind.WriteRecord));
        Assert.True(probe.Ask("other", size: 3).Has(RankEffectKind.WriteRecord));
    }

    [Fact]
    public void A_leave_waits_its_turn_even_behind_one_that_is_refused()
    {
        var probe = CoreProbe.Idle().Ask("op", size: 3).Write()
            .Ask("gone", kind: OperationKind.Leave, remove: [4])
            .Ask("leave", kind: OperationKind.Leave, remove: [1])
            .Message(-1, new CancelMessage("op")).Write();
        Assert.Equal("leave", probe.Coordinator.Operation?.Id);
        Assert.Equal("gone", probe.Sent<OperationReplyMessage>(-1).First(answer => answer.Code != 0).Operation);
    }

    [Fact]
    public void A_leave_that_waits_can_be_cancelled()
    {
        var probe = CoreProbe.Idle().Ask("op", size: 3).Write().Ask("leave", kind: OperationKind.Leave, remove: [1]).Message(-1, new CancelMessage("leave"));
        Assert.Equal((int)ElasticEpErrorCode.OperationAborted, probe.Sent<OperationReplyMessage>(-1).Single().Code);
        probe.Message(-1, new CancelMessage("op")).Write();
        Assert.Null(probe.Coordinator.Operation);
    }

    [Theory]
    [InlineData(nameof(OperationPhase.Gathering))]
    [InlineData(nameof(OperationPhase.Planning))]
    [InlineData(nameof(OperationPhase.Loading))]
    public void A_cancelled_operation_is_undone(string name)
    {
        var stage = Enum.Parse<OperationPhase>(name);
        var probe = CoreProbe.Idle().AdvanceTo(stage).Message(-1, new CancelMessage("op"));
        Assert.Equal("op", probe.Sent<AbortMessage>(2).Single().Operation);
        probe.Write();
        Assert.True(probe.Has(RankEffectKind.Disconnect));
        Assert.Equal((1, false), (probe.Record.View.Epoch, probe.Record.Last!.IsCompleted));
        Assert.Equal("", probe.Core.Preparation.Operation);
        Assert.Equal(OperationPhase.Proposing, probe.Ask("next", size: 4).Stage);
    }

    [Fact]
    public void After_the_commit_a_cancel_changes_nothing() =>
        Assert.Equal(OperationPhase.Committed, CoreProbe.Idle().AdvanceTo(OperationPhase.Committed).Message(-1, new CancelMessage("op")).Stage);

    [Fact]
    public void An_operation_that_passes_its_deadline_says_what_it_waited_for()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Gathering);
        probe.Now = probe.Core.WakeAt!.Value;
        probe.Post(new RankEvent(RankEventKind.Tick)).Write();
        Assert.Contains("rank 2 to start", probe.Record.Last!.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_view_is_not_announced_before_its_write_is_known_to_have_happened()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Committing);
        probe.Apply();
        probe.Post(new RankEvent(RankEventKind.RecordUnknown));
        Assert.True(probe.Has(RankEffectKind.ReadRecord));
        Assert.False(probe.Has(RankEffectKind.SendWake));
        Assert.True(probe.AnswerRead().Has(RankEffectKind.SendWake));
    }

    [Fact]
    public void A_write_that_did_not_happen_is_tried_again()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Committing).Post(new RankEvent(RankEventKind.RecordUnknown)).AnswerRead();
        Assert.Equal(probe.Version, Assert.Single(probe.Effects, effect => effect.Kind == RankEffectKind.WriteRecord).Number);
        Assert.True(probe.Write().Has(RankEffectKind.SendWake));
    }

    [Fact]
    public void A_coordinator_that_was_overtaken_does_what_the_record_says()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Loading);
        probe.LoadEverywhere();
        probe.Overwrite(new GroupRecord(probe.Record.View, [], null, new OperationOutcome("op", false, "another coordinator", new OperationFigures())));
        probe.Post(new RankEvent(RankEventKind.RecordWritten) { Payload = probe.Record, Number = probe.Version });
        Assert.True(probe.Has(RankEffectKind.ReadRecord));
        probe.AnswerRead();
        Assert.Null(probe.Coordinator.Operation);
        Assert.Equal(OperationPhase.Proposing, probe.Ask("next", size: 3).Stage);
    }

    [Fact]
    public void When_the_coordinator_leaves_its_successor_completes_the_operation()
    {
        var leaving = CoreProbe.Idle().AdvanceTo(OperationPhase.Committed, leaver: 0);
        var next = leaving.Record.View;
        leaving.Step();
        Assert.Equal((MemberPhase.Gone, false), (leaving.Core.Member.Phase, leaving.Coordinator.IsActive));

        var successor = CoreProbe.Idle(rank: 1);
        successor.Message(0, new PrepareMessage("op", 0, TestViews.View(1, 0, 1), next, [], TimeSpan.Zero)).Post(new RankEvent(RankEventKind.Loaded) { Operation = "op" });
        successor.Step(announced: next);
        successor.Overwrite(leaving.Record);
        successor.AnswerRead();
        Assert.Equal(OperationPhase.Committed, successor.Stage);
        successor.Step();
        Assert.Equal("op", successor.Write().Sent<CompletedMessage>(0).Single().Operation);
    }

    [Fact]
    public void The_rank_of_a_dismissed_process_can_be_asked_for_again()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Loading).Message(-1, new CancelMessage("op")).Write().Ask("again", size: 3).Write();
        probe.Post(new RankEvent(RankEventKind.RankUnregistered) { Peer = 2, Payload = TestViews.Member(2) });
        Assert.Equal(OperationPhase.Gathering, probe.Stage);
        probe.Post(new RankEvent(RankEventKind.RankRegistered) { Peer = 2, Payload = TestViews.Member(2) with { Incarnation = 77, Address = "new" } });
        Assert.Equal("new", Assert.Single(probe.Effects, effect => effect.Kind == RankEffectKind.Connect).Payload);
    }

    [Fact]
    public void Stopping_the_group_needs_no_placement_and_ends_with_a_terminal_view()
    {
        var probe = CoreProbe.Idle().Ask("stop", kind: OperationKind.Stop).Write();
        Assert.False(probe.Has(RankEffectKind.Plan));
        probe.LoadEverywhere();
        probe.Write();
        Assert.True(probe.Record.View.IsTerminal);
        Assert.Null(probe.Record.Pending);
        probe.Step();
        Assert.Equal(MemberPhase.Gone, probe.Core.Member.Phase);
        Assert.False(probe.Post(new RankEvent(RankEventKind.CallerWaits)).Effects.Single().Flag);
    }
}
