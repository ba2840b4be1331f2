using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Steps;
using ElasticEp.Tests.Membership;

namespace ElasticEp.Tests.Steps;

/// <summary>Rank 1 of a view, whose app does not call RunStepAsync when a step is due.</summary>
public sealed class MemberCoreAbsenceTests
{
    private static readonly GroupView View = TestViews.View(2, 0, 1, 2);

    [Fact]
    public void After_the_step_deadline_it_reports_itself_and_does_not_answer_Stop_until_its_app_calls()
    {
        var probe = Due();
        Assert.Equal(MemberProbe.Deadline, probe.Core.WakeAt);
        probe.Now = MemberProbe.Deadline;
        var failed = Assert.Single(probe.Post(RankEvent.Tick).Sent<StepFailedMessage>());
        Assert.Equal(TestViews.Id(1), failed.Lost);
        Assert.Contains("has not called RunStepAsync for 30 s", failed.Reason, StringComparison.Ordinal);
        Assert.Null(probe.Stop().Answer);
        Assert.Equal(MemberPhase.Stopping, probe.Core.Phase);
        Assert.NotNull(probe.Wait().Answer);
        Assert.Equal(MemberPhase.Stopped, probe.Core.Phase);
    }

    [Fact]
    public void A_recovery_meanwhile_does_not_give_it_more_time()
    {
        var probe = Due();
        probe.Now = MemberProbe.Deadline / 2;
        Assert.NotNull(probe.Stop().Answer);
        probe.Start(TestViews.Started(3, 1, 0, 1, 2), 1);
        Assert.Equal(MemberProbe.Deadline, probe.Core.WakeAt);
    }

    [Fact]
    public void An_app_that_calls_in_time_is_not_reported()
    {
        var probe = Due();
        probe.Now = MemberProbe.Deadline - TimeSpan.FromTicks(1);
        Assert.Empty(probe.Post(RankEvent.Tick).Sent<StepFailedMessage>());
        Assert.Equal(MemberPhase.Running, probe.Wait().Core.Phase);
        probe.Now = MemberProbe.Deadline * 2;
        Assert.Empty(probe.Post(RankEvent.Tick).Sent<StepFailedMessage>());
    }

    [Fact]
    public void The_time_by_which_this_process_was_late_itself_does_not_count()
    {
        var probe = Due();
        probe.Core.Excuse(TimeSpan.FromSeconds(7));
        Assert.Equal(MemberProbe.Deadline + TimeSpan.FromSeconds(7), probe.Core.WakeAt);
    }

    private static MemberProbe Due()
    {
        var probe = new MemberProbe();
        probe.Start(View, 1);
        Assert.Equal(MemberPhase.Due, probe.Core.Phase);
        return probe;
    }
}
