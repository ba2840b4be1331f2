using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Scaling;
using ElasticEp.Tests.Membership;
using ElasticEp.Tests.Simulation;

namespace ElasticEp.Tests.Scaling;

/// <summary>What rank 2 fetches while it waits to be admitted to a group [0 1], whose view has four experts; it has slots for all.</summary>
public sealed class StandbyCoreTests
{
    private static readonly GroupRecord Record = new(TestViews.View(1, 0, 1));
    private static readonly PendingOperation Others = new(new OperationRequest("op", OperationKind.Scale), [0, 1, 3], [3], []);
    private static readonly PendingOperation Own = Others with { Target = [0, 1, 2], Joiners = [2] };
    private static readonly PrepareMessage Plan = new("op", 0, BaseView.Of(Record.View), TestViews.View(2, 0, 1, 2), [], TimeSpan.Zero);

    [Fact]
    public void It_fetches_the_dense_weights_and_then_experts_and_says_how_far_it_is()
    {
        var probe = CoreProbe.Waiting(2, Record);
        var dense = Assert.Single(probe.Of<Fetch>()).Plan;
        Assert.Equal((StandbyCore.Operation, 0), (dense.Operation, dense.Next.Placement.Layers));
        Assert.Equal("no weights yet", Said(probe));

        var experts = Assert.Single(Arrive(probe).Of<Fetch>()).Plan;
        Assert.Equal([0, 1, 2, 3], experts.Next.Placement.GetSlots(0, 2).ToArray());
        Assert.Equal([0, 1, 2, 3], experts.Transfers.Select(transfer => transfer.Expert));
        Assert.All(experts.Transfers, transfer => Assert.Contains(transfer.Expert, Record.View.Placement.GetSlots(0, transfer.Source).ToArray()));
        Assert.Equal([0, 1], experts.Transfers.Select(transfer => transfer.Source).Distinct().Order());
        Assert.Equal("dense weights held, 0 of 4 experts", Said(probe));

        Assert.False(Arrive(probe).Has<Fetch>());
        Assert.Equal("dense weights held, 4 of 4 experts", Said(probe));
    }

    [Fact]
    public void It_waits_until_it_is_connected_to_every_member_that_is_not_lost()
    {
        var probe = CoreProbe.Waiting(2, new GroupRecord(TestViews.View(1, 0, 1, 3)));
        Arrive(Arrive(probe)).Post(new RecordSeen(new GroupRecord(TestViews.View(2, 0, 1, 3, 4)))); // rank 4 is new
        Assert.False(probe.Has<Fetch>());
        Assert.False(probe.Post(new RecordSeen(new GroupRecord(TestViews.View(3, 0, 1, 3)))).Has<Fetch>()); // it holds all of that
    }

    [Fact]
    public void Another_view_has_it_fetch_only_what_it_does_not_hold()
    {
        var probe = CoreProbe.Waiting(2, Record);
        Arrive(Arrive(probe));
        Assert.Empty(probe.Post(new RecordSeen(new GroupRecord(TestViews.View(2, 0, 1)))).Effects);
    }

    [Fact]
    public void A_view_that_changes_meanwhile_gives_it_other_sources()
    {
        var probe = CoreProbe.Waiting(2, Record);
        Assert.True(probe.Post(new RecordSeen(new GroupRecord(TestViews.View(2, 0, 1)))).Has<Rollback>());
        Assert.Equal(2, Assert.Single(probe.Post(new RolledBack(StandbyCore.Operation)).Of<Fetch>()).Plan.Base.Epoch);
    }

    [Fact]
    public void An_operation_of_others_interrupts_it_and_it_goes_on_afterwards()
    {
        var probe = CoreProbe.Waiting(2, Record);
        Assert.Equal(StandbyCore.Operation, Assert.Single(probe.Post(new RecordSeen(Record with { Pending = Others })).Of<Rollback>()).Operation);
        Assert.False(probe.Post(new RolledBack(StandbyCore.Operation)).Has<Fetch>());
        Assert.True(probe.Post(new RecordSeen(Record)).Has<Fetch>());
    }

    [Fact]
    public void It_does_not_begin_while_an_operation_is_under_way_or_a_view_is_not_Completed()
    {
        Assert.False(CoreProbe.Waiting(2, Record with { Pending = Own }).Has<Fetch>());
        Assert.False(CoreProbe.Waiting(2, Record.WithNext(TestViews.View(2, 0, 1))).Has<Fetch>());
    }

    [Fact]
    public void An_operation_that_wants_it_is_fetched_for_at_once_when_it_is_prepared()
    {
        var probe = CoreProbe.Waiting(2, Record);
        Assert.Empty(probe.Post(new RecordSeen(Record with { Pending = Own })).Effects); // what it fetches is wanted
        Assert.Equal(StandbyCore.Operation, probe.Message(0, Plan).Of<Rollback>().Single().Operation);
        Assert.False(probe.Has<Fetch>());
        Assert.Equal("op", probe.Post(new RolledBack(StandbyCore.Operation)).Of<Fetch>().Single().Plan.Operation);
        Assert.Equal(PreparationState.Ready, probe.Post(new Fetched("op", Plan.Next.Digest)).Sent<PreparationMessage>(0).Single().State);
    }

    /// <summary>A source may hang in the middle of a chunk, whose memory is nobody else's until its connection ends.</summary>
    [Fact]
    public void What_it_cannot_let_go_of_fails_the_operation_in_its_name()
    {
        var probe = CoreProbe.Waiting(2, Record).Message(0, Plan);
        probe.Now += PreparationCore.HookPatience;
        Assert.Contains("rank 2 still undoes operation '@standby'", probe.Post(RankEvent.Tick).Sent<PreparationMessage>(0).Single().Failure, StringComparison.Ordinal);
    }

    [Fact]
    public void A_warm_up_that_runs_is_not_cancelled_for_an_operation_that_would_call_it_again()
    {
        var probe = CoreProbe.Waiting(2, Record);
        var dense = probe.Of<Fetch>().Single().Plan;
        probe.Post(new HookEntered("WarmUpAsync")).Post(new RecordSeen(Record with { Pending = Own }));
        Assert.False(probe.Message(0, Plan).Has<Rollback>());
        Assert.Equal("op", probe.Of<Fetch>().Single().Plan.Operation); // after it
        probe.Post(new HookReturned());
        Assert.False(probe.Post(new Fetched(StandbyCore.Operation, dense.Next.Digest)).Has<Fetch>());
        Assert.Equal("dense weights held, 0 of 4 experts", Said(probe));
    }

    [Fact]
    public void What_an_operation_fetches_is_not_cancelled_when_a_warm_up_ends_that_began_in_an_earlier_view()
    {
        var probe = CoreProbe.Waiting(2, Record);
        probe.Post(new HookEntered("WarmUpAsync"));
        var later = TestViews.View(Record.View.Epoch + 1, [.. Record.View.Members.Select(member => member.Rank)]);
        probe.Post(new RecordSeen(Record with { View = later, Pending = Own }));
        Assert.Equal("op", probe.Message(0, Plan with { Base = BaseView.Of(later) }).Of<Fetch>().Single().Plan.Operation);
        Assert.False(probe.Post(new HookReturned()).Has<Rollback>());
        Assert.Equal(PreparationState.Ready, probe.Post(new Fetched("op", Plan.Next.Digest)).Sent<PreparationMessage>(0).Single().State);
    }

    [Fact]
    public void What_fails_is_said_and_tried_again_later_and_later()
    {
        var probe = CoreProbe.Waiting(2, Record);
        Fail(probe);
        Assert.Equal("no weights yet; it could not fetch more and tries again: checksum mismatch", Said(probe));
        Assert.Equal(probe.Now + TimeSpan.FromSeconds(1), probe.Core.Standby.WakeAt);
        Retry(probe);
        Fail(probe);
        Assert.Equal(probe.Now + TimeSpan.FromSeconds(2), probe.Core.Standby.WakeAt);
        Retry(probe);
        Arrive(probe);
        Fail(probe);
        Assert.StartsWith("dense weights held, 0 of 4 experts; it could not", Said(probe), StringComparison.Ordinal);
        Assert.Equal(probe.Now + TimeSpan.FromSeconds(1), probe.Core.Standby.WakeAt);
    }

    [Fact]
    public void Other_members_are_tried_at_once()
    {
        var probe = CoreProbe.Waiting(2, Record);
        Fail(probe);
        Assert.True(probe.Post(new RecordSeen(new GroupRecord(TestViews.View(2, 0, 1)))).Has<Fetch>());
    }

    [Fact]
    public void Once_it_is_admitted_or_dismissed_it_fetches_no_more()
    {
        var probe = CoreProbe.Waiting(2, Record).Message(0, new AbortMessage("", "it was dismissed"));
        Assert.Empty(probe.Post(new RecordSeen(new GroupRecord(TestViews.View(2, 0, 1)))).Of<Fetch>());
        Assert.Null(probe.Core.Standby.WakeAt);
    }

    [Fact]
    public void The_coordinator_plans_with_what_joiners_hold()
    {
        var probe = CoreProbe.Idle().Request("op", size: 3);
        var state = new StandbyState(true, SimPlanner.Plan(GroupView.None, [2]).Placement, 4);
        probe.Write().ReportLoad();
        probe.Post(new RankRegistered(TestViews.Member(2), Standby: state));
        Assert.Equal([(2, state)], Assert.Single(probe.Of<Plan>()).Inquiry.Standbys);
    }

    [Fact]
    public void A_repair_takes_processes_first_that_hold_weights()
    {
        var probe = CoreProbe.Idle(change: record => record with { Wanted = 3 });
        probe.LoseLink(3).LoseLink(2);
        probe.Post(new RankRegistered(TestViews.Member(2))).Post(new RankRegistered(TestViews.Member(3), Standby: new StandbyState(true, ExpertPlacement.Empty, 4)));
        probe.LinkUp(3);
        Assert.Equal([3], probe.Coordinator.Operation!.Pending.Joiners);
    }

    private static string Said(CoreProbe probe) => Assert.Single(probe.Of<AnnounceStandby>()).State.ToString();

    /// <summary>What it fetches now is here.</summary>
    private static CoreProbe Arrive(CoreProbe probe) => probe.Post(new Fetched(StandbyCore.Operation, Assert.Single(probe.Of<Fetch>()).Plan.Next.Digest));

    private static void Fail(CoreProbe probe)
    {
        probe.Post(new FetchFailed(StandbyCore.Operation, Assert.Single(probe.Of<Fetch>()).Plan.Next.Digest, "checksum mismatch"));
        Assert.False(probe.Has<Fetch>());
    }

    private static void Retry(CoreProbe probe)
    {
        probe.Now = probe.Core.Standby.WakeAt!.Value;
        Assert.True(probe.Post(RankEvent.Tick).Has<Fetch>());
    }
}
