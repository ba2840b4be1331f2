using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Steps;
using ElasticEp.Tests.Membership;

namespace ElasticEp.Tests.Steps;

/// <summary>What a member takes with it into a view, and what it leaves behind.</summary>
public sealed class MemberCoreViewTests
{
    private static readonly GroupView View = TestViews.View(1, 0, 1, 2);

    [Theory]
    [InlineData(1)] // the step that was closed runs again
    [InlineData(2)] // the step that was closed is over
    public void Whoever_is_started_has_closed_the_step_before_but_not_under_that_view(long step)
    {
        var probe = MemberProbe.Running(View).EndExchanges().ReturnDelegate().Stop();
        Assert.Equal((1, 1L, 1), Answered(probe));
        probe.Start(TestViews.Started(2, step, 0, 1, 2), step);
        probe.Stop();
        if (probe.Answer is null)
            probe.ReturnDelegate(new OperationCanceledException()); // the step that runs again has begun
        Assert.Equal((2, step - 1, 0), Answered(probe));
    }

    [Fact]
    public void A_joiner_that_is_started_has_closed_the_step_before() => Assert.Equal((1, 4L, 0), Answered(new MemberProbe().Start(View, 5).Stop()));

    [Fact]
    public void A_wake_of_a_later_view_does_not_hide_one_of_the_view_in_use()
    {
        var probe = MemberProbe.Running(View).Complete(0, 2).Wake(2, epoch: 7, step: 2);
        Assert.Equal(MemberPhase.Idle, probe.Core.Phase);
        probe.Wake(0, epoch: 1, step: 2);
        Assert.Equal((MemberPhase.Due, 2), (probe.Core.Phase, probe.Core.Step));
    }

    [Fact]
    public void A_Start_is_repeated_only_while_its_view_is_in_use()
    {
        var next = TestViews.View(3, 0, 1, 2);
        var probe = MemberProbe.Running(View).ReturnDelegate(new IOException("link")).Stop().Start(TestViews.Started(2, 1, 0, 1, 2), 1);
        Assert.Equal(2, probe.Do(effects => probe.Core.RepeatStart(TestViews.Id(2), 1, effects)).Sent<StartMessage>().Single().View.Epoch);
        probe.EndExchanges().ReturnDelegate();
        probe.Core.SetPrepared("op", 0, next);
        probe.StepEnd(0, next: next).StepEnd(2);
        Assert.Equal(3, probe.Core.View.Epoch);
        Assert.Empty(probe.Do(effects => probe.Core.RepeatStart(TestViews.Id(2), 1, effects)).Effects);
    }

    [Fact]
    public void A_leaver_ends_once_when_it_is_released_though_its_app_waits_for_nothing()
    {
        var next = TestViews.View(2, 0, 2);
        var probe = MemberProbe.Running(View);
        probe.Core.SetPrepared("op", 0, next);
        probe.EndExchanges().ReturnDelegate().StepEnd(0, next: next).StepEnd(2);
        Assert.Equal((MemberPhase.Gone, false), (probe.Core.Phase, probe.Has<RankEnded>()));
        Assert.True(probe.Do(probe.Core.Release).Has<RankEnded>());
        Assert.False(probe.Has(StepEffectKind.ReturnToCaller));
        Assert.False(probe.Do(probe.Core.Leave).Has<RankEnded>());
        Assert.False(probe.Wait().Has<RankEnded>());
        Assert.False(probe.Returned.Result);
    }

    [Fact]
    public void A_rank_that_was_evicted_ends_when_its_delegate_has()
    {
        var probe = MemberProbe.Running(View);
        Assert.True(probe.Do(probe.Core.Leave).Has<AbortAttempt>());
        Assert.False(probe.Has<RankEnded>());
        probe.ReturnDelegate(new OperationCanceledException());
        Assert.True(probe.Has<RankEnded>());
        Assert.False(probe.Returned.Result);
    }

    [Fact]
    public void A_joiner_that_is_dismissed_ends() => Assert.True(new MemberProbe() is var probe && probe.Do(probe.Core.Leave).Has<RankEnded>());

    /// <summary>What the answer to Stop says.</summary>
    private static (long Entered, long? Closed, long ClosedEpoch) Answered(MemberProbe probe) => (probe.Answer!.Entered, probe.Answer.Closed, probe.Answer.ClosedEpoch);
}
