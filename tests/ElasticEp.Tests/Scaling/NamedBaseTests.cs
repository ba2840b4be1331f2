using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Scaling;
using ElasticEp.Steps;
using ElasticEp.Tests.Membership;

namespace ElasticEp.Tests.Scaling;

/// <summary>Who is in the view in use is told its name, and says so when that is not the view that it is in.</summary>
public sealed class NamedBaseTests
{
    private static readonly GroupView Base = TestViews.View(1, 0, 1);
    private static readonly PrepareMessage Named = new("op", 0, BaseView.NameOf(Base), TestViews.View(2, 0, 1), [], TimeSpan.Zero);
    private static readonly BaseView Other = BaseView.NameOf(new GroupView(1, 0, 0, Base.Members, TestViews.View(1, 0, 1, 2).Placement));

    [Fact]
    public void A_member_gets_the_name_of_the_base_and_a_joiner_all_of_it()
    {
        var probe = CoreProbe.Idle().Request("op", size: 3).Write().ReportLoad().Register(2).Plan(0, 1, 2);
        Assert.Equal(BaseView.NameOf(Base), probe.Sent<PrepareMessage>(1).Single().Base);
        Assert.Equal(BaseView.Of(probe.Record.View), probe.Sent<PrepareMessage>(2).Single().Base);
    }

    [Fact]
    public void A_member_prepares_upon_the_view_that_it_is_in()
    {
        var probe = CoreProbe.Idle(rank: 1).Message(0, Named);
        Assert.Same(probe.Core.Member.View, Assert.Single(probe.Of<Fetch>()).Plan.Base);
    }

    [Fact]
    public void A_member_of_another_view_prepares_nothing_and_says_why()
    {
        var probe = CoreProbe.Idle(rank: 1).Message(0, Named with { Base = Other });
        Assert.False(probe.Has<Fetch>());
        var report = Assert.Single(probe.Sent<PreparationMessage>(0));
        Assert.Equal((PreparationRefusal.OtherBase, Named.Next.Digest), (report.Refusal, report.Digest));
        Assert.Equal($"rank 1 is in view 1 [0 1] with digest {Base.Digest:x16}, and is to prepare view 2 [0 1] for a view 1 with digest {Other.Digest:x16}", report.Failure);
        Assert.Equal("", probe.Core.Preparation.Operation);
    }

    [Fact]
    public void A_member_that_has_not_come_to_the_base_yet_does_not_guess_it() =>
        Assert.Equal(PreparationRefusal.OtherBase, CoreProbe.Idle(rank: 1).Message(0, Named with { Base = BaseView.NameOf(TestViews.View(2, 0, 1)), Next = TestViews.View(3, 0, 1) }).Sent<PreparationMessage>(0).Single().Refusal);

    [Fact]
    public void What_was_prepared_before_a_refusal_stays_until_the_operation_ends()
    {
        var probe = CoreProbe.Idle(rank: 1).Message(0, Named).Post(new Fetched("op", Named.Next.Digest));
        Assert.False(probe.Message(0, Named with { Base = Other }).Has<Rollback>());
        Assert.True(probe.Message(0, new AbortMessage("op", "it was refused")).Has<Rollback>());
    }

    [Fact]
    public void A_Prepare_upon_a_view_that_this_rank_has_left_behind_is_only_late()
    {
        var probe = CoreProbe.Idle(rank: 1, record => record with { View = TestViews.View(2, 0, 1) });
        Assert.Empty(probe.Message(0, Named).Sent<PreparationMessage>());
    }

    [Fact]
    public void A_refusal_ends_the_operation()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Preparing).Refuse(from: 1);
        Assert.Equal(OperationPhase.Aborting, probe.Phase);
        probe.Write();
        Assert.Equal((false, "rank 1 is in another view"), (probe.Outcome.IsCompleted, probe.Outcome.Reason));
        Assert.Equal("op", Assert.Single(probe.Sent<AbortMessage>(1)).Operation);
    }

    [Fact]
    public void The_loss_of_a_member_explains_a_failure_and_no_refusal()
    {
        var probe = CoreProbe.Idle(change: record => record with { View = TestViews.View(1, 0, 1, 2) });
        probe.Request("op", size: 4).Write().ReportLoad().Register(3).Plan(0, 1, 2, 3).LoseLink(2);
        Assert.Null(probe.Report(1, PreparationState.Fetching, "rank 1 failed to fetch from rank 2").Coordinator.Operation!.AbortReason);
        Assert.Equal("rank 1 is in another view", probe.Refuse(from: 1).Coordinator.Operation!.AbortReason);
    }

    [Fact]
    public void A_refusal_of_a_view_that_is_not_prepared_any_more_means_nothing()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Preparing);
        probe.Message(1, new PreparationMessage("op", PreparationState.Fetching, 4711, 0, 0, "of before") { Refusal = PreparationRefusal.OtherBase });
        Assert.Null(probe.Coordinator.Operation!.AbortReason);
    }

    [Fact]
    public void Only_the_digest_tells_two_views_of_one_epoch_apart()
    {
        Assert.True(StepRules.Default.IsBase(BaseView.NameOf(Base), Base));
        Assert.False(StepRules.Default.IsBase(Other, Base));
        Assert.False(StepRules.Default.IsBase(BaseView.NameOf(Base) with { Epoch = 2 }, Base));
    }
}
