using ElasticEp.Events;
using ElasticEp.Membership;
using ElasticEp.Protocol;
using ElasticEp.Scaling;
using ElasticEp.Tests.Membership;
using ElasticEp.Tests.Simulation;
using ElasticEp.Transport;

namespace ElasticEp.Tests.Scaling;

/// <summary>Plans of several views: [0 1] grows to [0 1 2] with an intermediate view, or with one after.</summary>
public sealed class PlanStageTests
{
    private static readonly (IReadOnlyList<int>, int)[] Before = [([0, 1], 1), ([0, 1, 2], 0)];
    private static readonly (IReadOnlyList<int>, int)[] After = [([0, 1, 2], 0), ([0, 1, 2], 1)];

    [Fact]
    public void A_view_is_in_use_everywhere_before_the_next_is_prepared()
    {
        var probe = Planned(Before);
        Assert.Equal([0, 1], probe.Coordinator.Operation!.Participants.Select(participant => participant.Rank));
        probe.FetchEverywhere();
        probe.Write();
        Assert.Equal(("view 2 [0 1]", false, 1), Durable(probe));

        probe.Step(); // the last one under view 1 announces it
        Assert.Empty(probe.Sent<PrepareMessage>());
        Assert.Empty(probe.Sent<StartMessage>(2));
        probe.Step(); // the first one under view 2
        Assert.Empty(probe.Sent<PrepareMessage>());
        probe.Write(); // it is Completed
        var prepare = probe.Sent<PrepareMessage>(2).Single();
        Assert.Equal((1, 2L, "view 3 [0 1 2]"), (prepare.PlanView, prepare.Base.Epoch, $"{prepare.Next}"));

        probe.FetchEverywhere();
        probe.Write();
        Assert.Equal(("view 3 [0 1 2]", true, 2), Durable(probe));
        probe.Step();
        Assert.Equal(("op", 2), probe.Sent<StartMessage>(2).Select(start => (start.Operation, start.CommittedViews)).Single());
        probe.Step();
        Assert.True(probe.Write().Outcome.IsCompleted);
    }

    [Fact]
    public void What_was_moved_in_all_views_is_counted()
    {
        var probe = InFirst(Before, moved: 5);
        foreach (var rank in (int[])[1, 2])
            probe.Report(rank, PreparationState.Ready, moved: 7);
        probe.Fetched().Write();
        Assert.Equal(5 + 7 + 7, probe.Record.Pending!.Figures.BytesMoved);
    }

    [Fact]
    public void A_cancel_while_an_intermediate_view_is_entered_waits_until_it_is_in_use_and_ends_there()
    {
        var probe = Planned(Before);
        probe.FetchEverywhere();
        probe.Write();
        Assert.Empty(probe.Cancel("op").Sent<AbortMessage>());
        probe.Step();
        probe.Step();
        Assert.Empty(probe.Sent<AbortMessage>());
        probe.Write(); // it is Completed
        probe.Write();
        Assert.Single(probe.Sent<AbortMessage>(2));
        Assert.Equal(("view 2 [0 1]", false), ($"{probe.Record.View}", probe.Outcome.IsCompleted));
        Assert.Null(probe.Record.Pending);
        Assert.Equal(OperationPhase.Proposing, probe.Request("next", size: 3).Phase);
    }

    [Fact]
    public void A_coordinator_that_takes_over_plans_the_rest_again_from_the_intermediate_view()
    {
        var lost = Planned(Before);
        lost.FetchEverywhere();
        lost.Write();
        var successor = CoreProbe.Idle(rank: 1);
        var next = lost.Record.View;
        successor.Message(0, new PrepareMessage("op", 0, BaseView.Of(TestViews.View(1, 0, 1)), next, [], TimeSpan.Zero)).Post(new Fetched("op", next.Digest));
        successor.Overwrite(lost.Record);
        successor.LoseLink(0);
        successor.Lose(0).AnswerRead();
        successor.Write(); // the recovered view
        Assert.Equal(("view 3 [1]", OperationPhase.Committed), ($"{successor.Core.Member.View}", successor.Phase));
        Assert.Equal("", successor.Core.Preparation.Operation);
        successor.Step();
        successor.Write(); // it is Completed
        successor.Write(); // the new aim
        Assert.Equal(("view 3 [1]", OperationPhase.Gathering), ($"{successor.Record.View}", successor.Phase));
        Assert.Equal([0, 1, 2], successor.Record.Pending!.Target);
        Assert.Equal([0, 2], successor.Record.Pending.Joiners);
        Assert.Equal(0, successor.Record.Pending.CommittedViews);
        Assert.Equal(next.Placement.GetSlots(0, 1).ToArray(), successor.Record.View.Placement.GetSlots(0, 1).ToArray());
    }

    [Fact]
    public void When_a_rank_is_lost_while_an_intermediate_view_is_entered_the_rest_is_planned_again()
    {
        var probe = Planned(Before);
        probe.FetchEverywhere();
        probe.Write();
        probe.LoseLink(1).AnswerRead();
        if (probe.Core.Member.Phase != ElasticEp.Steps.MemberPhase.Stopped)
            probe.Post(RankEvent.DelegateReturned(1, probe.Core.Member.Step, new OperationCanceledException()));
        probe.Lose(1).Write();
        Assert.Equal("view 3 [0]", $"{probe.Core.Member.View}");
        probe.Step();
        probe.Write().Write();
        Assert.Equal([1, 2], probe.Record.Pending!.Joiners);
        Assert.Equal(OperationPhase.Gathering, probe.Phase);
    }

    [Fact]
    public void A_step_that_fails_in_an_intermediate_view_does_not_end_the_operation()
    {
        var probe = InFirst(Before);
        probe.Message(1, new StepFailedMessage(2, probe.Core.Member.Step, null, "test")).AnswerRead();
        probe.Message(1, new StoppedMessage(probe.Coordinator.Recovery!.Id, 2, probe.Core.Member.LastCompleted, 2, [TestViews.Id(0)], [TestViews.Id(0)])).Write();
        Assert.Equal(("op", 1), probe.Sent<StartMessage>(1).Select(start => (start.Operation, start.CommittedViews)).Single());
        probe.Step();
        probe.Write(); // the recovered view is Completed
        Assert.Equal((1, 4L), probe.Sent<PrepareMessage>(2).Select(prepare => (prepare.PlanView, prepare.Next.Epoch)).Single());
    }

    [Fact]
    public void When_the_members_are_in_only_the_rest_of_the_plan_is_given_up()
    {
        var probe = InFirst(After);
        Assert.Equal(("view 2 [0 1 2]", true, 1), Durable(probe));
        probe.Report(1, PreparationState.Fetching, "checksum mismatch");
        probe.Write();
        Assert.Equal([1, 2], probe.Of<SendMessage>().Where(send => send.Message is AbortMessage).Select(send => send.To.Rank).Order());
        Assert.Equal((true, "checksum mismatch"), (probe.Outcome.IsCompleted, probe.Outcome.Reason));
        Assert.Equal(("view 2 [0 1 2]", ""), ($"{probe.Record.View}", probe.Core.Preparation.Operation));
    }

    [Fact]
    public void A_leaver_has_nothing_to_undo_when_the_rest_of_the_plan_is_given_up()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Planning, leaver: 1);
        probe.Plan(SimPlanner.Plan(probe.Record.View, ([0], 0), ([0], 1)));
        probe.FetchEverywhere();
        probe.Report(1, PreparationState.Drained).Write();
        probe.Cancel("op");
        probe.Step(); // rank 1 may still be in this one
        probe.Step();
        Assert.Empty(probe.Sent<AbortMessage>(1));
        Assert.Equal(2, probe.Write().Sent<CompletedMessage>(1).Single().Epoch);
        Assert.True(probe.Write().Outcome.IsCompleted);
    }

    [Fact]
    public void A_member_that_missed_that_the_rest_was_given_up_learns_it_from_the_record()
    {
        var probe = CoreProbe.Idle(rank: 1);
        probe.Message(0, new PrepareMessage("op", 1, BaseView.Of(TestViews.View(1, 0, 1)), TestViews.View(2, 0, 1), [], TimeSpan.Zero));
        var record = new GroupRecord(TestViews.View(1, 0, 1)).AfterEnd(new OperationOutcome("op", true, "cancelled", new OperationFigures()), OperationKind.Scale);
        Assert.True(probe.Post(new RecordSeen(record)).Has<Rollback>());
        Assert.Equal("", probe.Core.Preparation.Operation);
    }

    [Fact]
    public void Buffers_are_reserved_when_this_rank_has_completed_the_view_in_use()
    {
        var probe = CoreProbe.Idle(rank: 1);
        var (first, second) = (TestViews.View(2, 0, 1), TestViews.View(3, 0, 1));
        probe.Message(0, new PrepareMessage("op", 0, BaseView.Of(TestViews.View(1, 0, 1)), first, [], TimeSpan.Zero)).Post(new Fetched("op", first.Digest));
        probe.Step(announced: first);
        Assert.False(probe.Message(0, new PrepareMessage("op", 1, BaseView.Of(first), second, [], TimeSpan.Zero)).Has<Fetch>());
        probe.Step();
        var (completed, fetch) = (probe.Effects.FindIndex(effect => effect.Control is ViewCompleted), probe.Effects.FindIndex(effect => effect.Control is Fetch));
        Assert.True(completed >= 0 && fetch > completed, $"completed {completed}, fetch {fetch}");
    }

    private static CoreProbe Planned((IReadOnlyList<int>, int)[] stages)
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Planning);
        return probe.Plan(SimPlanner.Plan(probe.Record.View, stages));
    }

    /// <summary>The first view of the plan is in use, the second one is being prepared.</summary>
    private static CoreProbe InFirst((IReadOnlyList<int>, int)[] stages, long moved = 0)
    {
        var probe = Planned(stages);
        foreach (var other in probe.Coordinator.Operation!.Participants.Where(participant => participant.Rank != 0).ToArray())
            probe.Report(other.Rank, PreparationState.Ready, moved: moved);
        probe.Fetched().Write();
        probe.Step();
        probe.Step();
        probe.Write(); // it is Completed
        Assert.Equal((OperationPhase.Preparing, 1), (probe.Phase, probe.Coordinator.Operation.Plan!.Index));
        return probe;
    }

    private static (string View, bool IsCommitted, int Stages) Durable(CoreProbe probe) => ($"{probe.Record.View}", probe.Record.Pending!.IsCommitted, probe.Record.Pending.CommittedViews);
}
