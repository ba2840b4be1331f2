using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Scaling;
using ElasticEp.Tests.Membership;
using ElasticEp.Tests.Simulation;

namespace ElasticEp.Tests.Scaling;

/// <summary>An operation whose members, or whose coordinator, are lost before it is committed aims at the same as before, with who is left.</summary>
public sealed class ReplanTests
{
    private static readonly TimeSpan Deadline = CoreProbe.Options.OperationDeadline;

    [Theory]
    [InlineData(nameof(OperationPhase.Gathering))]
    [InlineData(nameof(OperationPhase.Planning))]
    [InlineData(nameof(OperationPhase.Preparing))]
    public void A_growth_goes_on_when_a_member_is_lost_and_replaces_it_too(string phase)
    {
        var probe = CoreProbe.Idle().AdvanceTo(Enum.Parse<OperationPhase>(phase));
        LoseMember(probe, 1);
        Assert.Equal(("view 2 [0]", false), ($"{probe.Record.View}", probe.Record.Pending!.Joiners.Contains(1)));
        probe.Write();
        Assert.Equal(("op", OperationPhase.Gathering), (probe.Record.Pending!.Id, probe.Phase));
        Assert.Equal([1, 2], probe.Record.Pending.Joiners);
        Assert.Equal([0, 1, 2], probe.Record.Pending.Target);
        Complete(probe, 1, 2);
        Assert.Equal(("view 3 [0 1 2]", true, 3), ($"{probe.Record.View}", probe.Outcome.IsCompleted, probe.Record.Wanted));
    }

    [Fact]
    public void A_leaver_that_is_lost_has_left()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Draining, leaver: 1);
        LoseMember(probe, 1);
        probe.Write();
        Assert.Equal((null, "view 2 [0]", true, 1), (probe.Record.Pending, $"{probe.Record.View}", probe.Outcome.IsCompleted, probe.Record.Wanted));
    }

    [Fact]
    public void A_rank_that_asked_to_leave_itself_and_is_lost_ends_its_operation()
    {
        var probe = CoreProbe.Idle();
        probe.Message(1, new OperationRequestMessage(new OperationRequest("leave", OperationKind.Leave) { Remove = [1], Leaver = TestViews.Id(1) })).Write();
        LoseMember(probe, 1);
        Assert.Null(probe.Write().Record.Pending);
        Assert.True(probe.Outcome.IsCompleted);
    }

    [Fact]
    public void An_operation_that_has_become_impossible_ends_with_both_reasons()
    {
        var lost = CoreProbe.Idle().AdvanceTo(OperationPhase.Preparing, leaver: 1);
        var successor = CoreProbe.Idle(rank: 1);
        successor.Overwrite(lost.Record);
        successor.LoseLink(0);
        successor.Lose(0).AnswerRead();
        successor.Write(); // the recovered view, with nobody but the leaver
        var outcome = successor.Write().Outcome;
        Assert.False(outcome.IsCompleted);
        Assert.StartsWith("its coordinator was lost: A group of 0 ranks is below", outcome.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_plan_that_was_asked_for_before_the_loss_is_not_used()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Planning);
        var late = new Planned("op", probe.Coordinator.Operation!.PlannedFrom, SimPlanner.Plan(probe.Record.View, [0, 1, 2]), 0, "");
        LoseMember(probe, 1);
        probe.Write().ReportLoad();
        var process = TestViews.Member(1) with { Incarnation = 77 };
        probe.Post(new RankRegistered(process)).Post(new LinkUp(process.Id));
        Assert.Equal(OperationPhase.Planning, probe.Phase);
        Assert.Equal(OperationPhase.Planning, probe.Post(late).Phase);
        Assert.Equal(OperationPhase.Preparing, probe.Plan(0, 1, 2).Phase);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Who_takes_over_plans_again_and_the_deadline_begins_anew(bool isStop)
    {
        var lost = isStop ? CoreProbe.Idle().Request("op", kind: OperationKind.Stop).Write() : CoreProbe.Idle().AdvanceTo(OperationPhase.Preparing);
        var successor = CoreProbe.Idle(rank: 1);
        successor.Now += Deadline / 2;
        successor.Overwrite(lost.Record);
        successor.LoseLink(0);
        successor.Lose(0).AnswerRead();
        successor.Write(); // the recovered view
        successor.Write(); // the aim
        Assert.Equal(("view 2 [1]", "op"), ($"{successor.Record.View}", successor.Record.Pending!.Id));
        Assert.Equal(isStop ? [] : [0, 2], successor.Record.Pending.Joiners);
        Assert.Equal(isStop ? [1] : [], successor.Record.Pending.Leavers);
        Assert.Equal(successor.Now + Deadline, successor.Coordinator.Operation!.Deadline);
        if (isStop)
            return;
        successor.Now += Deadline;
        successor.Post(RankEvent.Tick);
        Assert.Contains("its deadline passed while it waited for", successor.Write().Outcome.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Who_has_returned_its_requests_to_the_queue_takes_some_again_while_the_operation_is_planned_again()
    {
        var record = new GroupRecord(TestViews.View(1, 0, 1));
        var pending = new PendingOperation(new OperationRequest("op", OperationKind.Scale) { Ranks = [0, 2] }, [0, 2], [2], [1]);
        var successor = CoreProbe.Idle(rank: 1);
        var next = TestViews.View(2, 0, 2);
        successor.Message(0, new PrepareMessage("op", 0, BaseView.Of(record.View), next, [], TimeSpan.Zero)).Message(0, new DrainMessage("op")).Post(new Drained("op"));
        successor.Overwrite(successor.Record with { Pending = pending });
        successor.LoseLink(0);
        successor.Lose(0).AnswerRead();
        successor.Write(); // the recovered view
        Assert.True(Assert.Single(successor.Of<Rollback>()).HasDrained);
        successor.Write();
        Assert.Equal([0, 2], successor.Record.Pending!.Joiners);
    }

    [Fact]
    public void A_joiner_that_registered_before_the_coordinator_was_lost_is_not_one_that_was_started_again()
    {
        var lost = CoreProbe.Idle().AdvanceTo(OperationPhase.Preparing);
        var successor = CoreProbe.Idle(rank: 1);
        successor.Overwrite(lost.Record);
        successor.LoseLink(0);
        successor.Lose(0).AnswerRead();
        successor.Write();
        successor.Write();
        Assert.Null(successor.Register(2).Coordinator.Operation!.AbortReason);
    }

    [Fact]
    public void What_was_given_up_already_is_not_taken_up_again()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Preparing);
        probe.LoseLink(1).Cancel("op");
        probe.AnswerRead();
        probe.Lose(1).Write();
        Assert.Equal((false, "it was cancelled by its caller"), (probe.Write().Outcome.IsCompleted, probe.Outcome.Reason));
    }

    private static void LoseMember(CoreProbe probe, int rank)
    {
        probe.LoseLink(rank).AnswerRead();
        probe.Lose(rank).Write();
        Assert.Equal([TestViews.Id(rank)], probe.Record.Evicted);
    }

    /// <summary>Takes the operation from the record of its aim to its end.</summary>
    private static void Complete(CoreProbe probe, params int[] joiners)
    {
        probe.ReportLoad();
        foreach (var joiner in joiners)
        {
            // another process has the number of the one that was lost
            var process = TestViews.Member(joiner) with { Incarnation = 77 };
            probe.Post(new RankRegistered(process)).Post(new LinkUp(process.Id));
        }

        probe.Plan(0, 1, 2);
        probe.Step(); // the recovered view
        probe.Write();
        foreach (var joiner in probe.Coordinator.Operation!.Participants.Where(participant => participant.Rank != 0).ToArray())
            probe.Post(new MessageReceived(joiner, new PreparationMessage("op", PreparationState.Ready, probe.Coordinator.Operation.Next!.Digest, 0, 0, "")));
        probe.Fetched().Write();
        probe.Step();
        var view = probe.Core.Member.View;
        probe.Post(RankEvent.CallerWaits);
        probe.Post(RankEvent.ExchangesEnded);
        probe.Post(RankEvent.DelegateReturned(view.Epoch, probe.Core.Member.Step));
        foreach (var member in view.Members.Where(member => member.Rank != 0))
            probe.Post(RankEvent.StepEnd(member.Id, view.Epoch, probe.Core.Member.Step, false, 0, 0));
        probe.Write();
    }
}
