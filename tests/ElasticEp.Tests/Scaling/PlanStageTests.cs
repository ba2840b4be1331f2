using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Scaling;
using ElasticEp.Tests.Membership;
using ElasticEp.Tests.Simulation;

namespace ElasticEp.Tests.Scaling;

/// <summary>Plans of several views: [0 1] grows to [0 1 2] with a view on the way, or with one after.</summary>
public sealed class PlanStageTests
{
    private static readonly (IReadOnlyList<int>, int)[] Before = [([0, 1], 1), ([0, 1, 2], 0)];
    private static readonly (IReadOnlyList<int>, int)[] After = [([0, 1, 2], 0), ([0, 1, 2], 1)];

    [Fact]
    public void A_view_is_in_use_everywhere_before_the_next_is_prepared()
    {
        var probe = Planned(Before);
        Assert.Equal([0, 1], probe.Coordinator.Operation!.Participants);
        probe.LoadEverywhere();
        probe.Write();
        Assert.Equal(("view 2 [0 1]", false, 1), Durable(probe));

        probe.Step(); // the last one under view 1 announces it
        Assert.Empty(probe.Sent<PrepareMessage>());
        Assert.Empty(probe.Sent<StartMessage>(2));
        probe.Step(); // the first one under view 2
        var prepare = probe.Sent<PrepareMessage>(2).Single();
        Assert.Equal((1, 2L, "view 3 [0 1 2]"), (prepare.PlanStage, prepare.Base.Epoch, $"{prepare.Next}"));

        probe.LoadEverywhere();
        probe.Write();
        Assert.Equal(("view 3 [0 1 2]", true, 2), Durable(probe));
        probe.Step();
        Assert.Equal(("op", 2), probe.Sent<StartMessage>(2).Select(start => (start.Operation, start.CommittedViews)).Single());
        probe.Step();
        Assert.True(probe.Write().Record.Last!.IsCompleted);
    }

    [Fact]
    public void What_was_moved_in_all_views_is_counted()
    {
        var probe = InFirst(Before, moved: 5);
        foreach (var rank in (int[])[1, 2])
            probe.Message(rank, new PreparationMessage("op", PreparationState.Loaded, probe.Coordinator.Operation!.Next!.Digest, 7, 7, ""));
        probe.Loaded().Write();
        Assert.Equal(5 + 7 + 7, probe.Record.Pending!.Figures.BytesMoved);
    }

    [Fact]
    public void A_cancel_while_a_view_on_the_way_is_entered_waits_until_it_is_in_use_and_ends_there()
    {
        var probe = Planned(Before);
        probe.LoadEverywhere();
        probe.Write();
        Assert.Empty(probe.Message(-1, new CancelMessage("op")).Sent<AbortMessage>());
        probe.Step();
        Assert.Empty(probe.Sent<AbortMessage>());
        probe.Step();
        Assert.Single(probe.Sent<AbortMessage>(2));
        probe.Write();
        Assert.Equal(("view 2 [0 1]", false), ($"{probe.Record.View}", probe.Record.Last!.IsCompleted));
        Assert.Null(probe.Record.Pending);
        Assert.Equal(OperationPhase.Proposing, probe.Ask("next", size: 3).Stage);
    }

    [Fact]
    public void A_coordinator_that_takes_over_ends_the_operation_in_the_view_on_the_way()
    {
        var lost = Planned(Before);
        lost.LoadEverywhere();
        lost.Write();
        var successor = CoreProbe.Idle(rank: 1);
        var next = lost.Record.View;
        successor.Message(0, new PrepareMessage("op", 0, TestViews.View(1, 0, 1), next, [], TimeSpan.Zero)).Post(new RankEvent(RankEventKind.Loaded) { Operation = "op" });
        successor.Overwrite(lost.Record);
        successor.Post(new RankEvent(RankEventKind.LinkLost) { Peer = 0, Number = 1, Payload = "reset" });
        successor.Post(new RankEvent(RankEventKind.RankLost) { Peer = 0, Number = 1, Payload = "dead" }).AnswerRead();
        successor.Write(); // the recovered view
        Assert.Equal(("view 3 [1]", OperationPhase.Committed), ($"{successor.Core.Member.View}", successor.Stage));
        Assert.Equal("", successor.Core.Preparation.Operation);
        successor.Step();
        successor.Write();
        Assert.Equal(("view 3 [1]", false), ($"{successor.Record.View}", successor.Record.Last!.IsCompleted));
        Assert.Equal(next.Placement.GetSlots(0, 1).ToArray(), successor.Record.View.Placement.GetSlots(0, 1).ToArray());
    }

    [Fact]
    public void A_rank_that_is_lost_while_a_view_on_the_way_is_entered_ends_the_operation()
    {
        var probe = Planned(Before);
        probe.LoadEverywhere();
        probe.Write();
        probe.Post(new RankEvent(RankEventKind.LinkLost) { Peer = 1, Number = 2, Payload = "reset" }).AnswerRead();
        if (probe.Core.Member.Phase != ElasticEp.Steps.MemberPhase.Stopped)
            probe.Post(new RankEvent(RankEventKind.DelegateReturned) { Epoch = 1, Step = probe.Core.Member.Step, Payload = new OperationCanceledException() });
        probe.Post(new RankEvent(RankEventKind.RankLost) { Peer = 1, Number = 2, Payload = "dead" }).Write();
        Assert.Equal("view 3 [0]", $"{probe.Core.Member.View}");
        probe.Step();
        Assert.Contains("rank 1 was evicted", probe.Write().Record.Last!.Reason, StringComparison.Ordinal);
        Assert.False(probe.Record.Last!.IsCompleted);
    }

    [Fact]
    public void A_step_that_fails_in_a_view_on_the_way_does_not_end_the_operation()
    {
        var probe = InFirst(Before);
        probe.Message(1, new StepFailedMessage(2, probe.Core.Member.Step, -1, "test")).AnswerRead();
        probe.Message(1, new StoppedMessage(probe.Coordinator.Recovery!.Id, probe.Core.Member.LastCompleted, false, [0])).Write();
        Assert.Equal(("op", 1), probe.Sent<StartMessage>(1).Select(start => (start.Operation, start.CommittedViews)).Single());
        Assert.Equal((1, 4L), probe.Sent<PrepareMessage>(2).Select(prepare => (prepare.PlanStage, prepare.Next.Epoch)).Single());
    }

    [Fact]
    public void When_the_members_are_in_only_the_rest_of_the_plan_is_given_up()
    {
        var probe = InFirst(After);
        Assert.Equal(("view 2 [0 1 2]", true, 1), Durable(probe));
        probe.Status(1, PreparationState.Loading, "checksum mismatch");
        Assert.Equal([0, 1, 2], probe.Effects.Where(effect => effect.Payload is AbortMessage).Select(effect => effect.Peer).Union([0]).Order());
        probe.Write();
        Assert.Equal((true, "checksum mismatch"), (probe.Record.Last!.IsCompleted, probe.Record.Last.Reason));
        Assert.Equal(("view 2 [0 1 2]", ""), ($"{probe.Record.View}", probe.Core.Preparation.Operation));
    }

    [Fact]
    public void A_leaver_has_nothing_to_undo_when_the_rest_of_the_plan_is_given_up()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Planning, leaver: 1);
        probe.Post(new RankEvent(RankEventKind.Planned) { Operation = "op", Payload = SimPlanner.Plan(probe.Record.View, ([0], 0), ([0], 1)) });
        probe.LoadEverywhere();
        probe.Status(1, PreparationState.Drained).Write();
        probe.Message(-1, new CancelMessage("op"));
        probe.Step(); // rank 1 may still be in this one
        probe.Step();
        Assert.Empty(probe.Sent<AbortMessage>(1));
        Assert.Equal((true, "op"), (probe.Write().Record.Last!.IsCompleted, probe.Sent<CompletedMessage>(1).Single().Operation));
    }

    [Fact]
    public void A_member_that_missed_that_the_rest_was_given_up_learns_it_from_the_record()
    {
        var probe = CoreProbe.Idle(rank: 1);
        probe.Message(0, new PrepareMessage("op", 1, TestViews.View(1, 0, 1), TestViews.View(2, 0, 1), [], TimeSpan.Zero));
        var record = new GroupRecord(TestViews.View(1, 0, 1), [], null, new OperationOutcome("op", true, "cancelled", new OperationFigures()));
        Assert.True(probe.Post(new RankEvent(RankEventKind.RecordSeen) { Payload = record }).Has(RankEffectKind.Rollback));
        Assert.Equal("", probe.Core.Preparation.Operation);
    }

    [Fact]
    public void Buffers_are_reserved_when_the_view_in_use_is_settled()
    {
        var probe = CoreProbe.Idle(rank: 1);
        var (first, second) = (TestViews.View(2, 0, 1), TestViews.View(3, 0, 1));
        probe.Message(0, new PrepareMessage("op", 0, TestViews.View(1, 0, 1), first, [], TimeSpan.Zero)).Post(new RankEvent(RankEventKind.Loaded) { Operation = "op" });
        probe.Step(announced: first);
        Assert.False(probe.Message(0, new PrepareMessage("op", 1, first, second, [], TimeSpan.Zero)).Has(RankEffectKind.Load));
        probe.Step();
        var (settled, load) = (probe.Effects.FindIndex(effect => effect.Kind == RankEffectKind.SettleView), probe.Effects.FindIndex(effect => effect.Kind == RankEffectKind.Load));
        Assert.True(settled >= 0 && load > settled, $"settled {settled}, load {load}");
    }

    private static CoreProbe Planned((IReadOnlyList<int>, int)[] stages)
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Planning);
        return probe.Post(new RankEvent(RankEventKind.Planned) { Operation = "op", Payload = SimPlanner.Plan(probe.Record.View, stages) });
    }

    /// <summary>The first view of the plan is in use, the second one is being prepared.</summary>
    private static CoreProbe InFirst((IReadOnlyList<int>, int)[] stages, long moved = 0)
    {
        var probe = Planned(stages);
        foreach (var other in probe.Coordinator.Operation!.Participants.Where(rank => rank != 0).ToArray())
            probe.Message(other, new PreparationMessage("op", PreparationState.Loaded, probe.Coordinator.Operation.Next!.Digest, moved, moved, ""));
        probe.Loaded().Write();
        probe.Step();
        probe.Step();
        Assert.Equal((OperationPhase.Loading, 1), (probe.Stage, probe.Coordinator.Operation.PlanStage));
        return probe;
    }

    private static (string View, bool IsCommitted, int Stages) Durable(CoreProbe probe) => ($"{probe.Record.View}", probe.Record.Pending!.IsCommitted, probe.Record.Pending.CommittedViews);
}
