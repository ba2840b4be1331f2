using ElasticEp.Events;
using ElasticEp.Membership;
using ElasticEp.Protocol;
using ElasticEp.Scaling;
using ElasticEp.Tests.Membership;
using ElasticEp.Transport;

namespace ElasticEp.Tests.Scaling;

/// <summary>How the load of the experts comes to the coordinator and into a plan.</summary>
public sealed class LoadReportTests
{
    [Fact]
    public void Every_rank_reports_to_the_coordinator_at_the_end_of_each_window()
    {
        var probe = CoreProbe.Idle(rank: 1);
        var reports = new List<(int To, long Step)>();
        while (probe.Core.Member.LastCompleted < 3 * CoreProbe.LoadWindow)
        {
            probe.Step();
            reports.AddRange(probe.Of<ReportExpertLoad>().Select(report => (report.To.Rank, report.Step)));
        }

        Assert.Equal([(0, CoreProbe.LoadWindow), (0, 2 * CoreProbe.LoadWindow), (0, 3 * CoreProbe.LoadWindow)], reports);
    }

    [Fact]
    public void An_operation_asks_every_member_and_is_planned_with_what_they_say()
    {
        var probe = CoreProbe.Idle().Request("op", remove: [1]).Write();
        Assert.Single(probe.Sent<ExpertLoadRequestMessage>(1));
        Assert.Equal(0, Assert.Single(probe.Of<ReportExpertLoad>()).To.Rank);
        Assert.False(probe.Message(0, new ExpertLoadMessage(1, new long[] { 1, 2, 3, 4 })).Has<Plan>());
        probe.Message(1, new ExpertLoadMessage(1, new long[] { 10, 0, 0, 0 }));
        Assert.Equal([11f, 2f, 3f, 4f], Inquiry(probe).Load.ToArray());
    }

    [Theory]
    [InlineData(5, 1)]
    [InlineData(1, long.MaxValue)]
    public void A_report_of_a_stranger_or_of_a_step_that_nobody_can_have_run_counts_for_nothing(int from, long step)
    {
        var probe = CoreProbe.Idle().Request("op", remove: [1]).Write();
        probe.Message(from, new ExpertLoadMessage(step, new long[] { 100, 0, 0, 0 }));
        probe.Message(0, new ExpertLoadMessage(1, new long[] { 1, 0, 0, 0 })).Message(1, new ExpertLoadMessage(1, new long[] { 0, 1, 0, 0 }));
        Assert.Equal([1f, 1f, 0f, 0f], Inquiry(probe).Load.ToArray());
    }

    [Fact]
    public void A_member_reports_when_it_is_asked()
    {
        var probe = CoreProbe.Idle(rank: 1).Message(0, new ExpertLoadRequestMessage("op"));
        Assert.Equal((0, 1L), probe.Of<ReportExpertLoad>().Select(report => (report.To.Rank, report.Step)).Single());
    }

    [Fact]
    public void A_member_that_cannot_be_reached_is_not_waited_for()
    {
        var probe = CoreProbe.Idle().Request("op", remove: [1]).Write().Message(0, new ExpertLoadMessage(1, new long[] { 5, 0, 0, 0 }));
        probe.Core.Peers.OnDismissed(TestViews.Id(1));
        Assert.Equal([5f, 0f, 0f, 0f], Inquiry(probe.Post(RankEvent.Tick)).Load.ToArray());
    }

    [Fact]
    public void A_member_that_is_back_is_asked_again()
    {
        var probe = CoreProbe.Idle().Request("op", size: 3).Write();
        Assert.Single(probe.LinkUp(1).Sent<ExpertLoadRequestMessage>(1));
        probe.ReportLoad();
        Assert.Empty(probe.LinkUp(1).Sent<ExpertLoadRequestMessage>(1));
    }

    [Fact]
    public void The_balance_is_shown_when_every_member_has_told_its_load()
    {
        var probe = CoreProbe.Idle().Message(0, new ExpertLoadMessage(1, new long[] { 4, 4, 4, 4 })).Message(0, new ExpertLoadMessage(1, new long[4]));
        Assert.False(probe.Has<ShowBalance>());
        probe.Message(1, new ExpertLoadMessage(1, new long[] { 1, 0, 0, 0 }));
        Assert.Equal(new LoadBalance(1, 1), Assert.Single(probe.Of<ShowBalance>()).Balance);
    }

    [Fact]
    public void A_rank_that_does_not_coordinate_keeps_no_load()
    {
        var probe = CoreProbe.Idle(rank: 1).Message(0, new ExpertLoadMessage(1, new long[] { 9, 9, 9, 9 })).Message(1, new ExpertLoadMessage(1, new long[] { 9, 9, 9, 9 }));
        Assert.False(probe.Has<ShowBalance>());
    }

    private static PlanInquiry Inquiry(CoreProbe probe) => Assert.Single(probe.Of<Plan>()).Inquiry;
}
