using System.Collections.Immutable;
using ElasticEp.Hosting.Launching;
using ElasticEp.Protocol;
using ElasticEp.Tests.Membership;

namespace ElasticEp.Tests.Hosting;

/// <summary>Ranks that could not be started, or have ended: who is told, how often, and when another one is started.</summary>
public sealed class LaunchFailureTests
{
    private const string Report = "0: op 2 no memory";

    private static GroupRecord Growing => LaunchProbe.Growing("op", 2);

    [Fact]
    public void A_joiner_that_could_not_be_started_is_reported_and_not_started_again_for_its_operation()
    {
        var probe = LaunchProbe.Serving().See(Growing).Fail(2);
        Assert.Equal([Report], probe.Reports);
        Assert.Contains(new LaunchEffect.NotStarted(2, "no memory", null), probe.Effects);
        Assert.Empty(probe.See(Growing).Effects);
    }

    [Fact]
    public void One_that_ends_before_it_was_admitted_is_reported_likewise()
    {
        var probe = LaunchProbe.Serving().See(Growing).Run(2).End(2);
        Assert.Equal(["0: op 2 it exited with code 3 before it was admitted"], probe.Reports);
    }

    [Fact]
    public void Nothing_is_started_beside_a_process_that_could_not_be_stopped_and_an_operation_that_wants_its_number_fails()
    {
        var probe = LaunchProbe.Serving().See(Growing).Run(2).See(LaunchProbe.Group(0, 1));
        Assert.Equal([2], probe.Wake().Stopped);
        Assert.Empty(probe.Stop(2, "it is in a system call").Effects);
        probe.See(LaunchProbe.Growing("other", 2));
        Assert.Empty(probe.Started);
        Assert.Equal(["0: other 2 the process that had its number before could not be ended: it is in a system call"], probe.Reports);
        Assert.Equal([new LaunchEffect.Ended(2)], probe.See(LaunchProbe.Group(0, 1)).End(2).Effects);
        Assert.Equal(["2 next"], probe.See(LaunchProbe.Growing("next", 2)).Started);
    }

    [Fact]
    public void A_process_that_runs_and_does_not_register_is_stopped_and_another_one_is_started_later()
    {
        var probe = LaunchProbe.Serving(standbys: 1);
        probe.Now = 10;
        probe.Run(2, hangs: true);
        Assert.Equal(10 + LaunchProbe.StartDeadline.TotalSeconds, probe.WakeAt);
        Assert.Equal([2], probe.Wake().Stopped);
        Assert.Contains(probe.Effects, effect => effect is LaunchEffect.NotStarted { Rank: 2, Reason: "it runs, and has not registered in the store within 00:05:00", Delay: not null });
        Assert.Empty(probe.Stop(2).Started);
        Assert.Equal(["2 @standby"], probe.Wake().Started);
    }

    [Fact]
    public void What_is_heard_late_of_the_process_before_is_not_taken_for_the_registration_of_the_launched_one()
    {
        var probe = LaunchProbe.Serving(standbys: 1);
        probe.Post(new LaunchEvent.Registered(new MemberId(2, 7))).Run(2, hangs: true).End(2);
        probe.Wake().Run(2, hangs: true);
        probe.Post(new LaunchEvent.Registered(new MemberId(2, 7)));
        Assert.NotNull(probe.WakeAt);
        Assert.Null(probe.Post(new LaunchEvent.Registered(new MemberId(2, 8))).WakeAt);
    }

    [Fact]
    public void One_that_has_registered_has_all_the_time_it_needs()
    {
        var probe = LaunchProbe.Serving(standbys: 1).Run(2, hangs: true);
        Assert.Null(probe.Post(new LaunchEvent.Registered(new MemberId(2, 7))).WakeAt);
    }

    [Fact]
    public void Whoever_ends_while_the_host_stops_is_not_replaced()
    {
        var probe = LaunchProbe.Serving(standbys: 1).Run(2);
        probe.Post(new LaunchEvent.HostStops()).End(2);
        probe.Now = 60;
        Assert.Empty(probe.Tick().Started);
    }

    [Fact]
    public void The_report_is_sent_every_second_until_the_operation_is_over()
    {
        var probe = LaunchProbe.Serving();
        probe.Now = 4;
        probe.See(Growing).Fail(2);
        Assert.Equal(5, probe.WakeAt);
        Assert.Equal([Report], probe.Wake().Reports);
        Assert.DoesNotContain(probe.Effects, effect => effect is LaunchEffect.NotStarted);
        probe.Now = 5.999;
        Assert.Empty(probe.Tick().Reports);
        Assert.Equal([Report], probe.Wake().Reports);
        Assert.Equal(7, probe.WakeAt);
        Assert.Empty(probe.See(LaunchProbe.Group(0, 1)).Effects);
        Assert.Null(probe.WakeAt);
    }

    [Fact]
    public void It_is_sent_at_once_to_who_takes_over()
    {
        var probe = LaunchProbe.Serving().See(Growing).Fail(2);
        probe.Now = 0.2;
        var recovered = Growing with { View = TestViews.View(4, 1) };
        Assert.Equal(["1: op 2 no memory"], probe.See(recovered).Reports);
        Assert.Equal(1.2, probe.WakeAt);
    }

    [Fact]
    public void It_is_sent_no_more_when_another_operation_is_under_way()
    {
        var probe = LaunchProbe.Serving().See(Growing).Fail(2).See(LaunchProbe.Growing("next", 2));
        Assert.Equal(["2 next"], probe.Started);
        Assert.Empty(probe.Run(2).Reports);
        Assert.Null(probe.WakeAt);
    }

    [Fact]
    public void It_is_sent_no_more_when_the_operation_was_planned_again_without_that_joiner()
    {
        var probe = LaunchProbe.Serving().See(Growing).Fail(2).See(LaunchProbe.Growing("op", 3));
        Assert.Equal(["3 op"], probe.Started);
        Assert.Empty(probe.Run(3).Reports);
        Assert.Null(probe.WakeAt);
    }

    [Fact]
    public void It_is_sent_no_more_when_the_operation_is_committed()
    {
        var probe = LaunchProbe.Serving().See(Growing).Fail(2);
        probe.See(Growing with { View = TestViews.View(4, 0, 1, 2), Pending = Growing.Pending! with { IsCommitted = true } });
        Assert.Null(probe.WakeAt);
    }

    [Fact]
    public void Several_joiners_are_reported_each()
    {
        var probe = LaunchProbe.Serving().See(LaunchProbe.Growing("op", 2, 3)).Fail(2);
        probe.Now = 0.5;
        Assert.Equal(["0: op 3 no room"], probe.Fail(3, "no room").Reports);
        Assert.Equal([Report], probe.Wake().Reports);
        Assert.Equal(["0: op 3 no room"], probe.Wake().Reports);
        Assert.Equal(1.5, probe.Now);
    }

    [Fact]
    public void A_first_rank_is_started_again_after_one_second_and_then_two_and_after_three_failures_the_group_is_given_up()
    {
        var probe = new LaunchProbe().See(GroupRecord.Unborn).Fail(1);
        Assert.Equal([new LaunchEffect.NotStarted(1, "no memory", TimeSpan.FromSeconds(1))], probe.Effects);
        Assert.Equal(["1 @birth"], probe.Wake().Started);
        Assert.Equal(1, probe.Now);
        Assert.Equal([new LaunchEffect.NotStarted(1, "it exited with code 3 before it was admitted", TimeSpan.FromSeconds(2))], probe.Run(1).End(1).Effects);
        Assert.Equal(["1 @birth"], probe.Wake().Started);
        Assert.Equal(3, probe.Now);
        Assert.Equal(["rank 1 could not be started 3 times: no memory"], probe.Fail(1).Of<LaunchEffect.GiveUp>().Select(given => given.Reason));
        Assert.Empty(probe.Wake().Fail(1).Of<LaunchEffect.GiveUp>()); // once
    }

    [Fact]
    public void A_birth_that_was_given_up_gives_up_the_group()
    {
        var failed = GroupRecord.Unborn with { Own = OutcomeLog.Empty.Add(new OperationOutcome(OperationRequest.BirthId, false, "no weights", new OperationFigures())) };
        var probe = new LaunchProbe().See(GroupRecord.Unborn).Run(0).Run(1).See(failed);
        Assert.Equal([new LaunchEffect.GiveUp("no weights")], probe.Effects);
        Assert.Equal([new LaunchEffect.Ended(0)], probe.End(0).Effects);
        Assert.Equal([new LaunchEffect.Ended(1)], probe.End(1).Effects); // they end by themselves, and nothing takes their places
        Assert.Null(probe.WakeAt);
    }

    /// <summary>A gateway that is started again on a store that has kept its state.</summary>
    [Fact]
    public void A_birth_that_failed_before_this_launcher_began_is_tried_anew()
    {
        var failed = GroupRecord.Unborn with { Own = OutcomeLog.Empty.Add(new OperationOutcome(OperationRequest.BirthId, false, "no weights", new OperationFigures())) };
        var probe = new LaunchProbe().See(failed);
        Assert.Equal(["0 @birth", "1 @birth"], probe.Started);
        probe.Run(0).Run(1).See(failed with { Own = failed.Own.Add(failed.Own.Kept[0]) });
        Assert.Equal([new LaunchEffect.GiveUp("no weights")], probe.Effects);
    }

    [Fact]
    public void A_standby_is_started_again_later_and_later_up_to_half_a_minute()
    {
        var probe = LaunchProbe.Serving(standbys: 1);
        var delays = new List<double>();
        for (var failure = 0; failure < 7; failure++)
        {
            delays.Add(Assert.Single(probe.Fail(2).Of<LaunchEffect.NotStarted>()).Delay!.Value.TotalSeconds);
            Assert.Equal(["2 @standby"], probe.Wake().Started);
        }

        Assert.Equal([1, 2, 4, 8, 16, 30, 30], delays);
        Assert.Equal(delays.Sum(), probe.Now);
    }

    [Fact]
    public void An_operation_does_not_wait_for_the_delay_of_a_standby() =>
        Assert.Equal(["2 op"], LaunchProbe.Serving(standbys: 1).Fail(2).See(Growing).Started);

    [Fact]
    public void A_joiner_of_a_repair_that_could_not_be_started_waits_before_it_is_a_standby_again()
    {
        var repair = LaunchProbe.Growing("@repair-3-1", 2);
        repair = repair with { Wanted = 3, Pending = repair.Pending! with { Request = new OperationRequest("@repair-3-1", OperationKind.Repair) } };
        var probe = LaunchProbe.Serving().See(LaunchProbe.Group(0, 1) with { Wanted = 3 }).Run(2).See(repair).End(2);
        Assert.Equal(["0: @repair-3-1 2 it exited with code 3 before it was admitted"], probe.Reports);
        Assert.Empty(probe.See(repair with { Pending = null }).Started);
        Assert.Equal(["2 @standby"], probe.Wake().Started);
        Assert.Equal(1, probe.Now);
    }

    [Fact]
    public void A_member_that_ends_is_reported_and_another_one_started_half_a_second_later()
    {
        var probe = LaunchProbe.Serving();
        probe.Now = 20;
        Assert.Equal([new LaunchEffect.ReportProcessEnded(1, 101, "exited with code 3")], probe.End(1).Effects);
        Assert.Empty(probe.See(LaunchProbe.Group(0) with { Wanted = 2 }).Effects);
        Assert.Equal(["1 @standby"], probe.Wake().Started);
        Assert.Equal(20.5, probe.Now);
    }

    [Fact]
    public void A_member_whose_end_is_seen_after_the_view_without_it_is_replaced_likewise()
    {
        var probe = LaunchProbe.Serving().See(LaunchProbe.Group(0) with { Wanted = 2 });
        Assert.Equal([new LaunchEffect.ReportProcessEnded(1, 101, "exited with code 3")], probe.End(1).Effects);
        Assert.Equal(["1 @standby"], probe.Wake().Started);
    }

    [Fact]
    public void Who_ends_within_ten_seconds_of_its_admission_as_the_one_before_it_is_replaced_later_and_later()
    {
        var probe = LaunchProbe.Serving(); // admitted at 0
        probe.Now = 9.999;
        var waits = new List<double>();
        for (var loss = 0; loss < 4; loss++)
        {
            probe.End(1);
            Assert.Equal(loss > 0, probe.Of<LaunchEffect.EndsSoon>().Any());
            var endedAt = probe.Now;
            Assert.Equal(["1 @standby"], probe.See(LaunchProbe.Group(0) with { Wanted = 2 }).Wake().Started);
            waits.Add(Math.Round(probe.Now - endedAt, 3));
            probe.Run(1).See(LaunchProbe.Group(0, 1));
        }

        Assert.Equal([0.5, 1, 2, 4], waits);
        probe.Now += 10;
        Assert.Empty(probe.End(1).Of<LaunchEffect.EndsSoon>()); // it has proven itself
        var at = probe.Now;
        Assert.Equal(0.5, Math.Round(probe.See(LaunchProbe.Group(0) with { Wanted = 2 }).Wake().Now - at, 3));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_leaver_that_ends_is_missed_by_nobody(bool isCommitted)
    {
        var leaving = Leaving();
        if (isCommitted)
            leaving = leaving with { View = TestViews.View(4, 0), Pending = leaving.Pending! with { IsCommitted = true } };
        Assert.Equal([new LaunchEffect.Ended(1)], LaunchProbe.Serving().See(leaving).End(1).Effects);
    }

    [Fact]
    public void A_leaver_that_ends_while_the_group_grows_again_is_missed_by_nobody()
    {
        var left = LaunchProbe.Group(0) with { View = TestViews.View(4, 0) };
        var grows = left with { Wanted = 2, Pending = new PendingOperation(new OperationRequest("next", OperationKind.Scale), [0, 1], [1], []) };
        Assert.Equal([new LaunchEffect.Ended(1)], LaunchProbe.Serving().See(Leaving()).See(left).See(grows).End(1).Effects.Take(1));
    }

    [Fact]
    public void A_member_that_was_to_leave_and_was_kept_is_missed()
    {
        var probe = LaunchProbe.Serving().See(Leaving()).See(LaunchProbe.Group(0, 1));
        Assert.Equal([new LaunchEffect.ReportProcessEnded(1, 101, "exited with code 3")], probe.End(1).Effects);
    }

    private static GroupRecord Leaving() => LaunchProbe.Group(0, 1) with { Pending = new PendingOperation(new OperationRequest("op", OperationKind.Scale), [0], [], [1]) };
}
