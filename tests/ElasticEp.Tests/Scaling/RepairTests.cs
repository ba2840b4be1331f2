using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Scaling;
using ElasticEp.Tests.Membership;

namespace ElasticEp.Tests.Scaling;

/// <summary>What rank 0 of an idle group [0 1] does by itself about members and copies that were lost.</summary>
public sealed class RepairTests
{
    [Fact]
    public void A_process_that_waits_takes_the_place_of_a_lost_member()
    {
        var probe = CoreProbe.Idle(change: record => record with { Wanted = 3 });
        Assert.Null(probe.Phase); // nobody is there
        probe.Register(2);
        Assert.Equal(OperationKind.Repair, probe.Coordinator.Operation!.Kind);
        Assert.Equal([0, 1, 2], probe.Coordinator.Operation.Pending.Target);
        Assert.Equal([2], probe.Coordinator.Operation.Pending.Joiners);
    }

    [Fact]
    public void Processes_that_may_be_on_their_way_are_waited_for_so_that_one_repair_does_all()
    {
        var probe = CoreProbe.Idle(change: record => record with { Wanted = 4, IsDamaged = true });
        Assert.Equal((null, probe.Now + RepairPlan.Patience), (probe.Phase, probe.Coordinator.WakeAt));
        Assert.Null(probe.Register(2).Phase);
        probe.Register(3);
        Assert.Equal([2, 3], probe.Coordinator.Operation!.Pending.Joiners);
    }

    [Fact]
    public void Copies_do_not_wait_for_long_for_processes_that_do_not_come()
    {
        var probe = CoreProbe.Idle(change: record => record with { Wanted = 4, IsDamaged = true });
        probe.Register(2);
        probe.Now += RepairPlan.Patience;
        Assert.Equal([2], probe.Post(RankEvent.Tick).Coordinator.Operation!.Pending.Joiners);
    }

    [Fact]
    public void A_process_that_is_not_wanted_waits()
    {
        var probe = CoreProbe.Idle(change: record => record with { Wanted = 2 });
        probe.Register(2);
        Assert.Null(probe.Phase);
    }

    [Fact]
    public void Lost_copies_are_made_again_by_the_members_there_are()
    {
        var probe = CoreProbe.Idle(change: record => record with { Wanted = 2, IsDamaged = true });
        Assert.Equal("@repair-1-0", probe.Coordinator.Operation!.Id);
        Assert.Equal([0, 1], probe.Coordinator.Operation.Pending.Target);
    }

    [Fact]
    public void What_somebody_asks_for_goes_first()
    {
        var probe = CoreProbe.Idle(change: record => record with { Wanted = 2, IsDamaged = true });
        probe.Write();
        probe.Request("op", 1);
        Assert.Equal("operation 'op' was requested", probe.Coordinator.Operation!.AbortReason);
        probe.Write();
        Assert.Equal("op", probe.Coordinator.Operation!.Id);
        Assert.Equal("@repair-1-0", Assert.Single(probe.Record.Own.Kept).Id);
    }

    [Fact]
    public void A_repair_that_was_given_up_for_a_request_begins_again_without_delay()
    {
        var probe = CoreProbe.Idle(change: record => record with { Wanted = 2, IsDamaged = true });
        probe.Write();
        probe.Request("op", 1);
        probe.Write();
        probe.Write(); // proposed
        probe.Cancel("op");
        probe.Write();
        Assert.Equal("@repair-1-1", probe.Coordinator.Operation!.Id);
    }

    [Fact]
    public void A_request_for_what_the_repair_leads_to_waits_for_it()
    {
        var probe = CoreProbe.Idle(change: record => record with { Wanted = 2, IsDamaged = true });
        probe.Write();
        probe.Request("op", 2);
        Assert.Equal((OperationKind.Repair, null), (probe.Coordinator.Operation!.Kind, probe.Coordinator.Operation.AbortReason));
    }

    [Fact]
    public void Who_asks_for_the_members_there_are_wants_no_more()
    {
        var probe = CoreProbe.Idle(change: record => record with { Wanted = 4 });
        probe.Request("op", 2);
        probe.Write();
        Assert.Equal(2, probe.Record.Wanted);
        probe.Register(2);
        Assert.Null(probe.Phase);
    }

    [Fact]
    public void A_repair_that_has_failed_is_tried_again_later_and_first_without_the_process_that_could_not_join()
    {
        var probe = CoreProbe.Idle(change: record => record with { Wanted = 3, IsDamaged = true });
        probe.Now += RepairPlan.Patience;
        probe.Post(RankEvent.Tick).Write().ReportLoad();
        probe.Post(new Planned("@repair-1-0", 1, null, 0, "no")).Write();
        Assert.Null(probe.Phase); // it had no replacement: one that comes now is a new chance
        probe.Register(2);
        Assert.Equal([0, 1, 2], probe.Coordinator.Operation!.Pending.Target);
        probe.Write().ReportLoad();
        probe.Post(new Planned("@repair-1-1", 1, null, 0, "no")).Write();
        Assert.Null(probe.Phase);
        Assert.Equal(probe.Now + TimeSpan.FromSeconds(2), probe.Coordinator.WakeAt);
        probe.Now += TimeSpan.FromSeconds(2);
        probe.Post(RankEvent.Tick);
        Assert.Equal("@repair-1-2", probe.Coordinator.Operation!.Id);
        Assert.Equal([0, 1], probe.Coordinator.Operation.Pending.Target);
    }
}
