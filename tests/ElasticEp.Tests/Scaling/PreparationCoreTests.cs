using ElasticEp.Events;
using ElasticEp.Membership;
using ElasticEp.Protocol;
using ElasticEp.Scaling;
using ElasticEp.Steps;
using ElasticEp.Tests.Membership;
using ElasticEp.Transport;

namespace ElasticEp.Tests.Scaling;

public sealed class PreparationCoreTests
{
    private static readonly GroupView Base = TestViews.View(1, 0, 1);
    private static readonly PrepareMessage Plan = new("op", 0, BaseView.Of(Base), TestViews.View(2, 0), [], TimeSpan.Zero); // without rank 1
    private static readonly PrepareMessage Stays = Plan with { Next = TestViews.View(2, 0, 1) };

    [Fact]
    public void Weights_are_loaded_once_every_peer_is_connected()
    {
        var probe = CoreProbe.Idle(rank: 1);
        probe.Message(0, new PrepareMessage("op", 0, BaseView.Of(Base), TestViews.View(2, 0, 1, 5), [], TimeSpan.Zero));
        Assert.Equal([5], probe.Of<Dial>().Select(dial => dial.Peer.Rank));
        Assert.False(probe.Has<Fetch>());
        Assert.True(probe.LinkUp(5).Has<Fetch>());
    }

    [Fact]
    public void The_same_operation_on_another_base_keeps_what_is_loaded()
    {
        var probe = Loaded();
        var moved = new PrepareMessage("op", 0, BaseView.Of(TestViews.View(3, 0, 1)), TestViews.View(4, 0), [], TimeSpan.Zero);
        probe.Message(0, moved);
        Assert.False(probe.Has<Fetch>());
        Assert.Equal((PreparationState.Ready, moved.Next.Digest), (probe.Sent<PreparationMessage>(0).Single().State, probe.Sent<PreparationMessage>(0).Single().Digest));
    }

    [Fact]
    public void What_is_loaded_counts_when_another_process_of_the_next_view_is_connected()
    {
        var probe = Loaded(Stays);
        var other = new GroupMember(5, 77, "new");
        var next = new GroupView(4, 0, 0, [.. Stays.Next.Members, other], Stays.Next.Placement);
        probe.Message(0, Stays with { Base = BaseView.Of(TestViews.View(3, 0, 1)), Next = next });
        Assert.Empty(probe.Sent<PreparationMessage>(0));
        probe.Post(new LinkUp(other.Id));
        Assert.False(probe.Has<Fetch>());
        Assert.Equal(PreparationState.Ready, probe.Sent<PreparationMessage>(0).First().State);
    }

    [Fact]
    public void A_fetch_that_fails_while_a_member_is_down_is_no_failure_of_the_operation_until_it_is_back()
    {
        var probe = CoreProbe.Idle(rank: 1).Message(0, Stays);
        probe.LoseLink(0);
        Assert.Empty(probe.Post(new FetchFailed("op", Stays.Next.Digest, "its source was lost")).Sent<PreparationMessage>());
        Assert.Contains("its source was lost", probe.LinkUp(0).Sent<PreparationMessage>(0).First().Failure, StringComparison.Ordinal);
        probe.Message(0, Stays with { Next = TestViews.View(4, 0, 1) });
        Assert.True(probe.Has<Rollback>()); // it is fetched anew
        Assert.True(probe.Post(new RolledBack("op")).Has<Fetch>());
    }

    [Fact]
    public void A_joiner_whose_source_it_alone_does_not_reach_reports_it_once()
    {
        var joiner = CoreProbe.Waiting(2, new GroupRecord(Base)).Message(0, new PrepareMessage("op", 0, BaseView.Of(Base), TestViews.View(2, 0, 1, 2), [], TimeSpan.Zero));
        joiner.Post(new RolledBack(StandbyCore.Operation)).LoseLink(1);
        Assert.Empty(joiner.Post(new FetchFailed("op", TestViews.View(2, 0, 1, 2).Digest, "its source was lost")).Sent<PreparationMessage>());
        var failure = Assert.Single(joiner.Lose(1).Sent<PreparationMessage>(0)).Failure;
        Assert.Contains("could not connect to rank 1", failure, StringComparison.Ordinal);
        Assert.Contains("its source was lost", failure, StringComparison.Ordinal);
    }

    [Fact]
    public void The_loss_of_a_member_does_not_end_an_operation_that_of_a_joiner_does()
    {
        var probe = CoreProbe.Idle(rank: 1).Message(0, new PrepareMessage("op", 0, BaseView.Of(TestViews.View(1, 0, 1)), TestViews.View(2, 0, 1, 2, 5), [], TimeSpan.Zero));
        probe.LoseLink(0);
        Assert.Empty(probe.Lose(0).Sent<PreparationMessage>());
        probe.LinkUp(0).LoseLink(2);
        Assert.Contains("could not connect to rank 2", probe.Lose(2).Sent<PreparationMessage>(0).Single().Failure, StringComparison.Ordinal);
    }

    [Fact]
    public void Another_operation_undoes_the_one_before()
    {
        var probe = Loaded(Stays).Message(0, Stays with { Operation = "other" });
        Assert.Equal("op", Assert.Single(probe.Of<Rollback>()).Operation);
        Assert.False(probe.Has<Fetch>());
        Assert.True(probe.Post(new RolledBack("op")).Has<Fetch>());
    }

    /// <summary>An operation may be planned again, by another coordinator too, under the same id.</summary>
    [Fact]
    public void Only_who_prepares_a_leaver_can_tell_it_to_leave()
    {
        Assert.False(Loaded(Stays).Message(0, new DrainMessage("op")).Has<Drain>());
        Assert.False(Loaded().Message(2, new DrainMessage("op")).Has<Drain>());
        Assert.True(Loaded().Message(0, new DrainMessage("op")).Has<Drain>());
    }

    [Fact]
    public void While_a_hook_that_was_cancelled_still_runs_new_operations_are_refused_in_its_name()
    {
        var probe = Loaded().Message(0, new DrainMessage("op")).Post(new HookEntered("OnLeavingAsync"));
        probe.Message(0, new AbortMessage("op", "its deadline passed")).Message(0, Stays with { Operation = "second" });
        Assert.Empty(probe.Sent<PreparationMessage>(0));
        probe.Now += PreparationCore.HookPatience;
        Assert.Equal(probe.Now, probe.Core.Preparation.WakeAt);
        var failure = probe.Post(RankEvent.Tick).Sent<PreparationMessage>(0).Single();
        Assert.Equal(("second", "rank 1 still undoes operation 'op': its workload's OnLeavingAsync was cancelled 2 s ago and has not ended"), (failure.Operation, failure.Failure));
        Assert.Null(probe.Core.Preparation.WakeAt);

        probe.Now += TimeSpan.FromSeconds(40);
        Assert.Contains("42 s ago", probe.Message(0, Stays with { Operation = "third" }).Sent<PreparationMessage>(0).Single().Failure, StringComparison.Ordinal);

        probe.Post(new HookReturned()).Post(new RolledBack("op"));
        Assert.True(probe.Message(0, Stays with { Operation = "fourth" }).Has<Fetch>());
    }

    [Fact]
    public void What_was_said_is_said_again_when_the_coordinator_is_back()
    {
        var probe = Loaded().LinkUp(0);
        Assert.Equal(PreparationState.Ready, probe.Sent<PreparationMessage>(0).Single().State);
    }

    [Fact]
    public void A_leaver_drains_once_and_is_readmitted_when_the_operation_is_undone()
    {
        var probe = Loaded().Message(0, new DrainMessage("op"));
        Assert.True(probe.Has<Drain>());
        Assert.Empty(probe.Message(0, new DrainMessage("op")).Effects);
        probe.Message(0, new AbortMessage("op", "test"));
        Assert.True(Assert.Single(probe.Of<Rollback>()).HasDrained);
        Assert.Equal("", probe.Core.Preparation.Operation);
    }

    [Fact]
    public void A_leave_hook_that_has_failed_is_reported_again_when_the_coordinator_is_back_or_requests_it_again()
    {
        var probe = Loaded().Message(0, new DrainMessage("op"));
        Assert.Equal("the leave hook of rank 1 failed: no room", probe.Post(new DrainFailed("op", "no room")).Sent<PreparationMessage>(0).Single().Failure);
        Assert.Equal("the leave hook of rank 1 failed: no room", probe.LinkUp(0).Sent<PreparationMessage>(0).First().Failure);
        Assert.Equal("the leave hook of rank 1 failed: no room", probe.Message(0, new DrainMessage("op")).Sent<PreparationMessage>(0).Single().Failure);
        probe.Message(0, new AbortMessage("op", "test")).Post(new RolledBack("op"));
        Assert.Empty(probe.LinkUp(0).Sent<PreparationMessage>());
    }

    /// <summary>To load them the leave hook is cancelled, and nothing comes of it.</summary>
    [Fact]
    public void A_leaver_that_drains_when_it_has_to_load_lost_experts_is_readmitted_first()
    {
        var probe = Loaded().Message(0, new DrainMessage("op"));
        probe.Message(0, new StartMessage(TestViews.Started(2, 2, 0, 1), 2, "op", 0) { Reloading = [1] });
        Assert.Equal([typeof(EnterView), typeof(Rollback), typeof(Reload)], probe.Effects.Select(effect => effect.Control!.GetType()).Where(type => type == typeof(EnterView) || type == typeof(Rollback) || type == typeof(Reload)));
        Assert.True(probe.Of<Rollback>().Single().HasDrained);
        probe.Post(new RolledBack("op")).Post(new Reloaded(2));
        probe.Message(0, Plan with { Base = BaseView.Of(TestViews.View(3, 0, 1)), Next = TestViews.View(4, 0) }).Message(0, new DrainMessage("op"));
        Assert.True(probe.Has<Drain>());
    }

    /// <summary>A recovery may keep it beside the joiners, whose rows then need a place.</summary>
    [Fact]
    public void A_leaver_is_ready_when_it_has_allocated_whoever_is_connected()
    {
        var plan = Plan with { Next = TestViews.View(2, 0, 5) };
        var probe = CoreProbe.Idle(rank: 1).Message(0, plan);
        Assert.True(probe.Of<Fetch>().Single().IsLeaver);
        Assert.Empty(probe.Sent<PreparationMessage>(0));
        Assert.Equal(PreparationState.Ready, probe.Post(new Fetched("op", plan.Next.Digest)).Sent<PreparationMessage>(0).Single().State);
    }

    [Fact]
    public void A_leaver_without_memory_says_so()
    {
        var probe = CoreProbe.Idle(rank: 1).Message(0, Plan).Post(new FetchFailed("op", Plan.Next.Digest, "no memory left"));
        Assert.Equal("rank 1 failed to prepare the next view: no memory left", probe.Sent<PreparationMessage>(0).Single().Failure);
    }

    /// <summary>To load them what it allocates is cancelled, and nothing comes of it.</summary>
    [Fact]
    public void A_leaver_that_allocates_when_it_has_to_load_lost_experts_does_so_again_when_the_operation_is_planned_anew()
    {
        var probe = CoreProbe.Idle(rank: 1).Message(0, Plan);
        probe.Message(0, new StartMessage(TestViews.Started(2, 2, 0, 1), 2, "op", 0) { Reloading = [1] });
        probe.Post(new Reloaded(2)).Message(0, Plan with { Base = BaseView.Of(TestViews.View(3, 0, 1)), Next = TestViews.View(4, 0) });
        Assert.True(probe.Has<Rollback>());
    }

    [Fact]
    public void The_end_of_the_group_needs_no_memory()
    {
        var probe = CoreProbe.Idle(rank: 1).Message(0, Plan with { Next = new GroupView(2, 0, 0, [], ExpertPlacement.Empty, isTerminal: true) });
        Assert.False(probe.Has<Fetch>());
        Assert.Equal(PreparationState.Ready, probe.Sent<PreparationMessage>(0).Single().State);
    }

    [Fact]
    public void An_abort_that_was_lost_is_learned_from_the_record()
    {
        var outcome = new OperationOutcome("op", false, "test", new OperationFigures());
        var probe = Loaded(Stays).Post(new RecordSeen(new GroupRecord(Base).AfterEnd(outcome, OperationKind.Scale)));
        Assert.True(probe.Has<Rollback>());
    }

    [Fact]
    public void What_comes_of_an_operation_that_was_undone_is_ignored()
    {
        var probe = Loaded().Message(0, new AbortMessage("op", "test"));
        probe.Post(new RolledBack("op"));
        foreach (var late in (ControlEvent[])[new Fetched("op", Plan.Next.Digest), new FetchFailed("op", Plan.Next.Digest, "late"), new FetchProgress("op", Plan.Next.Digest, 1, 2), new Drained("op"), new DrainFailed("op", "late")])
            Assert.Empty(probe.Post(late).Effects);
    }

    [Fact]
    public void A_leaver_goes_when_its_view_is_Completed_whatever_step_it_waits_in()
    {
        var probe = Loaded();
        probe.Message(0, new CompletedMessage(2));
        Assert.Equal(MemberPhase.Gone, probe.Core.Member.Phase);
        Assert.False(probe.Post(RankEvent.CallerWaits).Effects.Single().Result);
    }

    [Fact]
    public void A_joiner_that_is_dismissed_goes()
    {
        var probe = CoreProbe.Idle(rank: 1);
        Assert.Equal(MemberPhase.Idle, probe.Core.Member.Phase);
        probe.Post(new RecordSeen(new GroupRecord(TestViews.View(4, 0))));
        Assert.Equal(MemberPhase.Gone, probe.Core.Member.Phase);
    }

    private static CoreProbe Loaded(PrepareMessage? plan = null) => CoreProbe.Idle(rank: 1).Message(0, plan ?? Plan).Post(new Fetched("op", (plan ?? Plan).Next.Digest));
}
