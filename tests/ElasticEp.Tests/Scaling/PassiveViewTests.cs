using ElasticEp.Events;
using ElasticEp.Placement;
using ElasticEp.Protocol;
using ElasticEp.Scaling;
using ElasticEp.Tests.Membership;
using ElasticEp.Tests.Simulation;

namespace ElasticEp.Tests.Scaling;

/// <summary>Views with passive copies: how they come into use, and what a recovery makes of them. Ranks 0 and 1 hold all four experts.</summary>
public sealed class PassiveViewTests
{
    private static readonly (int, ExpertReplica)[] OnRank0 = [(0, new(0, 0)), (0, new(0, 2))];

    [Fact]
    public void Copies_whose_active_ones_are_lost_with_a_rank_are_active_in_the_next_view_and_nothing_is_loaded()
    {
        var probe = CoreProbe.Idle(change: record => record with { View = Passive(record.View) });
        probe.LoseLink(1).AnswerRead();
        probe.Lose(1).Write();
        var placement = probe.Record.View.Placement;
        Assert.Equal("view 2 [0]", $"{probe.Record.View}");
        Assert.All(Enumerable.Range(0, 4), expert => Assert.Single(placement.GetActiveReplicas(0, expert).ToArray()));
        Assert.False(placement.HasPassive);
        Assert.Empty(probe.Record.Reloading);
        Assert.True(probe.Record.IsDamaged);
    }

    [Fact]
    public void A_recovery_without_a_loss_changes_no_copy()
    {
        var probe = CoreProbe.Idle(change: record => record with { View = Passive(record.View) });
        probe.Message(1, new StepFailedMessage(1, 2, null, "test")).AnswerRead();
        probe.Message(1, new StoppedMessage(probe.Coordinator.Recovery!.Id, 1, 1, 1, [TestViews.Id(0)], [TestViews.Id(0)])).Write();
        Assert.Equal(PassiveOn(Passive(TestViews.View(1, 0, 1))), PassiveOn(probe.Record.View));
        Assert.Equal(probe.Record.View.Digest, probe.Sent<StartMessage>(1).Single().View.Digest);
    }

    [Fact]
    public void Experts_that_are_loaded_again_take_the_place_of_copies_and_what_is_left_of_those_is_active()
    {
        // Rank 2 is lost with expert 3. It is loaded in the place of the only active copy of expert 0.
        var placement = new ExpertPlacement(4, [0, 1, 2], [[[0, 1], [0, 2], [3, -1]]]).WithPassive([(0, new(1, 0))]);
        var record = new GroupRecord(new GroupView(2, 0, 0, Enumerable.Range(0, 3).Select(TestViews.Member), placement));
        var (next, reloading) = ReloadPlan.Find(record, [TestViews.Member(0), TestViews.Member(1)], 2)!.Value;
        Assert.Equal([0], reloading);
        Assert.Equal([3, 1], next.GetSlots(0, 0).ToArray());
        Assert.Equal(1, Assert.Single(next.GetActiveReplicas(0, 0).ToArray()).Rank);
        Assert.Equal(0, Assert.Single(next.GetActiveReplicas(0, 3).ToArray()).Rank);
    }

    [Fact]
    public void Where_there_is_room_for_lost_experts_passive_copies_stay_passive()
    {
        var placement = new ExpertPlacement(4, [0, 1, 2], [[[0, 1], [0, 2], [3, -1]]]).WithPassive([(0, new(1, 0))]);
        var record = new GroupRecord(new GroupView(2, 0, 0, Enumerable.Range(0, 3).Select(TestViews.Member), placement));
        var (next, _) = ReloadPlan.Find(record, [TestViews.Member(0), TestViews.Member(1)], 3)!.Value;
        Assert.Equal((true, false), (next.IsActive(0, 0, 0), next.IsActive(0, 1, 0)));
    }

    [Fact]
    public void The_views_of_a_plan_keep_its_passive_copies_in_the_record_and_for_everybody()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Planning);
        probe.Plan(PassivePlan(probe, [0, 1], [0, 1, 2]));
        CommitPassive(probe); // the intermediate view
        probe.Step();
        probe.Step();
        probe.Write(); // it is Completed
        CommitPassive(probe);
    }

    [Fact]
    public void A_next_view_that_differs_in_passive_copies_alone_is_acknowledged_anew_and_nothing_is_fetched_again()
    {
        var (current, next) = (TestViews.View(1, 0, 1), TestViews.View(2, 0, 1));
        var probe = CoreProbe.Idle(rank: 1).Message(0, new PrepareMessage("op", 0, BaseView.Of(current), next, [], TimeSpan.Zero));
        probe.Post(new Fetched("op", next.Digest));
        probe.Message(0, new PrepareMessage("op", 0, BaseView.Of(current), Passive(next), [], TimeSpan.Zero));
        Assert.False(probe.Has<Fetch>() || probe.Has<Rollback>());
        Assert.Equal(Passive(next).Digest, probe.Sent<PreparationMessage>(0).Single().Digest);
    }

    private static void CommitPassive(CoreProbe probe)
    {
        var next = probe.Coordinator.Operation!.Next!;
        Assert.Equal([0, 2], PassiveOn(next));
        Assert.Equal(next.Digest, probe.Sent<PrepareMessage>(1).Single().Next.Digest);
        probe.FetchEverywhere();
        probe.Write();
        Assert.Equal(next.Digest, RecordCodec.Decode(RecordCodec.Encode(probe.Record).Span).View.Digest);
    }

    private static GroupView Passive(GroupView view) =>
        new(view.Epoch, view.StartStep, view.Coordinator, view.Members, view.Placement.WithPassive(OnRank0));

    private static int[] PassiveOn(GroupView view) =>
        [.. Enumerable.Range(0, view.Placement.GetSlots(0, 0).Length).Where(slot => !view.Placement.IsActive(0, 0, slot))];

    /// <summary>One view for each list of ranks, in which the first and the third copy on rank 0 are passive.</summary>
    private static PlacementPlan PassivePlan(CoreProbe probe, params int[][] stages)
    {
        var plan = SimPlanner.Plan(probe.Record.View, [.. stages.Select(ranks => ((IReadOnlyList<int>)ranks, 0))]);
        return new PlacementPlan([.. plan.Stages.Select(stage => new PlacementStage(stage.Placement.WithPassive(OnRank0), stage.Transfers))], 1, 1);
    }
}
