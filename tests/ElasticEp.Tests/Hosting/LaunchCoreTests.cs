using ElasticEp.Hosting.Launching;
using ElasticEp.Protocol;

namespace ElasticEp.Tests.Hosting;

/// <summary>Which ranks are started and stopped, and when.</summary>
public sealed class LaunchCoreTests
{
    private static GroupRecord Growing => LaunchProbe.Growing("op", 2);

    [Fact]
    public void The_first_ranks_are_started_at_once_and_each_of_them_once()
    {
        var probe = new LaunchProbe().See(GroupRecord.Unborn);
        Assert.Equal(["0 @birth", "1 @birth"], probe.Started);
        Assert.Empty(probe.Run(0).See(GroupRecord.Unborn).Effects);
    }

    [Fact]
    public void The_joiners_of_an_operation_are_started_and_nothing_is_waited_for()
    {
        var probe = LaunchProbe.Serving().See(Growing);
        Assert.Equal(["2 op"], probe.Started);
        probe.Run(2).See(LaunchProbe.Group(0, 1, 2));
        Assert.Equal((0, null), (probe.Effects.Count, probe.WakeAt));
    }

    [Fact]
    public void A_standby_is_adopted_by_the_operation_that_wants_its_number()
    {
        var probe = LaunchProbe.Serving(standbys: 1).Run(2).See(Growing);
        Assert.Equal([new LaunchEffect.Adopted(2, "op")], probe.Effects);
        probe.End(2);
        Assert.Equal(["0: op 2 it exited with code 3 before it was admitted"], probe.Reports);
    }

    [Fact]
    public void A_standby_that_has_been_a_member_is_none_again_though_nobody_saw_the_operation_that_took_it()
    {
        var probe = LaunchProbe.Serving(standbys: 1).Run(2).See(LaunchProbe.Group(0, 1, 2)).Run(3).See(LaunchProbe.Group(0, 1));
        Assert.Equal([2, 3], probe.Wake().Stopped.Order());
        Assert.Equal(["2 @standby"], probe.Stop(2).Started);
    }

    [Fact]
    public void A_rank_that_is_wanted_no_more_has_two_seconds_to_end_by_itself()
    {
        var probe = LaunchProbe.Serving().See(Growing).Run(2);
        probe.Now = 7;
        Assert.Empty(probe.See(LaunchProbe.Group(0, 1)).Effects);
        Assert.Equal(9, probe.WakeAt);
        probe.Now = 8.999;
        Assert.Empty(probe.Tick().Effects);
        Assert.Equal([2], probe.Wake().Stopped);
        Assert.Null(probe.WakeAt);
        Assert.Equal([new LaunchEffect.Ended(2)], probe.Stop(2).Effects);
    }

    [Fact]
    public void One_that_ends_by_itself_meanwhile_is_not_stopped()
    {
        var probe = LaunchProbe.Serving().See(Growing).Run(2).See(LaunchProbe.Group(0, 1));
        Assert.Equal([new LaunchEffect.Ended(2)], probe.End(2).Effects);
        Assert.Null(probe.WakeAt);
    }

    [Fact]
    public void One_that_is_wanted_again_meanwhile_has_the_whole_time_later()
    {
        var probe = LaunchProbe.Serving(standbys: 1).Run(2);
        probe.Now = 1;
        Assert.Equal(3, probe.See(LaunchProbe.Group(0, 3)).WakeAt); // the lowest free number is 1 then
        probe.Now = 2;
        Assert.Null(probe.See(LaunchProbe.Group(0, 1)).WakeAt);
        probe.Now = 2.5;
        Assert.Equal(4.5, probe.See(LaunchProbe.Group(0, 3)).WakeAt);
    }

    [Fact]
    public void A_number_is_not_started_again_before_its_last_process_is_gone()
    {
        var probe = LaunchProbe.Serving().See(Growing).Run(2).See(LaunchProbe.Group(0, 1)).Wake();
        Assert.Equal([2], probe.Stopped);
        Assert.Empty(probe.See(LaunchProbe.Growing("next", 2)).Effects);
        Assert.Empty(probe.End(2).Effects);
        Assert.Equal(["2 next"], probe.Stop(2).Started);
    }

    [Fact]
    public void A_start_that_is_wanted_no_more_is_cancelled_and_its_number_is_free_for_the_next_operation()
    {
        var probe = LaunchProbe.Serving().See(Growing).See(LaunchProbe.Growing("next", 2));
        Assert.Equal([2], probe.Cancelled);
        Assert.Empty(probe.Started);
        Assert.Equal(["2 next"], probe.Fail(2).Started);
        Assert.Empty(probe.Reports);
    }

    [Fact]
    public void A_start_that_has_ended_before_its_cancel_came_is_stopped_at_once()
    {
        var probe = LaunchProbe.Serving().See(Growing).See(LaunchProbe.Group(0, 1));
        Assert.Equal([2], probe.Run(2).Stopped);
        Assert.Equal([new LaunchEffect.Ended(2)], probe.Stop(2).Effects);
    }

    [Fact]
    public void One_that_the_next_operation_wants_goes_on_for_it()
    {
        var probe = LaunchProbe.Serving().See(Growing).See(LaunchProbe.Growing("next", 2));
        Assert.Equal([new LaunchEffect.Adopted(2, "next")], probe.Run(2).Effects);
        Assert.Empty(probe.See(LaunchProbe.Growing("next", 2)).Effects);
    }

    [Fact]
    public void One_that_the_next_operation_has_admitted_stays()
    {
        var probe = LaunchProbe.Serving().See(Growing).See(LaunchProbe.Growing("next", 2)).See(LaunchProbe.Group(0, 1, 2));
        Assert.Empty(probe.Run(2).Effects);
        Assert.Equal([new LaunchEffect.ReportProcessEnded(2, 102, "exited with code 3")], probe.End(2).Effects);
    }

    [Fact]
    public void One_that_the_operation_before_has_dismissed_is_started_again_once()
    {
        var probe = LaunchProbe.Serving().See(Growing).See(LaunchProbe.Growing("next", 2)).Run(2);
        Assert.Equal(["2 next"], probe.End(2).Started);
        Assert.Empty(probe.Reports);
        Assert.Equal(["0: next 2 it exited with code 3 before it was admitted"], probe.Run(2).End(2).Reports);
    }

    [Fact]
    public void A_start_that_takes_longer_than_its_deadline_is_a_failure()
    {
        var probe = LaunchProbe.Serving();
        probe.Now = 10;
        probe.See(Growing);
        Assert.Equal(10 + LaunchProbe.StartDeadline.TotalSeconds, probe.WakeAt);
        Assert.Equal([2], probe.Wake().Cancelled);
        Assert.Equal(["0: op 2 its start has not ended within 00:05:00"], probe.Fail(2, "it was cancelled").Reports);
    }

    [Fact]
    public void What_becomes_of_an_earlier_launch_is_ignored()
    {
        var probe = LaunchProbe.Serving();
        Assert.Empty(probe.Post(new LaunchEvent.Ended(1, 99, null, "exited")).Effects);
        Assert.Empty(probe.Post(new LaunchEvent.Failed(1, 99, "no memory")).Effects);
        Assert.Empty(probe.Post(new LaunchEvent.Stopped(1, 99)).Effects);
    }

    [Fact]
    public void When_the_group_has_ended_all_that_run_are_stopped_and_none_of_them_is_missed()
    {
        var probe = LaunchProbe.Serving().See(LaunchProbe.Group(0, 1) with { View = new GroupView(7, 0, -1, [], ExpertPlacement.Empty, true) });
        Assert.Equal([new LaunchEffect.Ended(0)], probe.End(0).Effects);
        Assert.Equal([1], probe.Wake().Stopped);
    }
}
