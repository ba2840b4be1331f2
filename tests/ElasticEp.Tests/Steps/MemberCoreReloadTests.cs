using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Steps;
using ElasticEp.Tests.Membership;

namespace ElasticEp.Tests.Steps;

/// <summary>Rank 1 of a recovery's view under which ranks load lost experts again.</summary>
public sealed class MemberCoreReloadTests
{
    private static readonly GroupView View = TestViews.Started(3, 8, 0, 1, 2);

    [Fact]
    public void A_rank_that_loads_says_so_to_all_and_begins_when_it_has_loaded()
    {
        var probe = Start([1]);
        Assert.True(Assert.Single(probe.Of<EnterView>()).IsReloading);
        Assert.True(probe.Core.IsReloading);
        probe.Wait();
        Assert.Equal(MemberPhase.Due, probe.Core.Phase);
        probe.Do(effects => probe.Core.OnReloaded(new Reloaded(2), effects)); // of an earlier view
        Assert.Empty(probe.Sent<LoadedMessage>());
        probe.Do(effects => probe.Core.OnReloaded(new Reloaded(3), effects));
        Assert.Equal([0, 1, 2], probe.Of<SendMessage>().Where(send => send.Message is LoadedMessage { Epoch: 3 }).Select(send => send.To.Rank));
        probe.Do(effects => probe.Core.OnLoaded(TestViews.Id(1), 3, effects));
        Assert.Equal(MemberPhase.Running, probe.Core.Phase);
    }

    [Fact]
    public void A_rank_that_holds_everything_waits_for_each_that_does_not()
    {
        var probe = Start([0, 2]);
        Assert.False(Assert.Single(probe.Of<EnterView>()).IsReloading);
        probe.Wait();
        probe.Do(effects => probe.Core.OnLoaded(TestViews.Id(2), 3, effects));
        probe.Do(effects => probe.Core.OnLoaded(TestViews.Id(0), 2, effects)); // of an earlier view
        Assert.Equal(MemberPhase.Due, probe.Core.Phase);
        probe.Do(effects => probe.Core.OnLoaded(TestViews.Id(0), 3, effects));
        Assert.Equal(MemberPhase.Running, probe.Core.Phase);
    }

    [Fact]
    public void What_comes_before_Start_counts()
    {
        var probe = new MemberProbe();
        probe.Do(effects => probe.Core.OnLoaded(TestViews.Id(2), 3, effects));
        Start([2], probe).Wait();
        Assert.Equal(MemberPhase.Running, probe.Core.Phase);
    }

    [Fact]
    public void It_is_said_again_to_a_peer_whose_link_was_down()
    {
        var probe = Start([1]);
        probe.Do(effects => probe.Core.OnReloaded(new Reloaded(3), effects));
        probe.Do(effects => probe.Core.OnLinkUp(TestViews.Id(2), effects));
        Assert.Equal(3, Assert.Single(probe.Sent<LoadedMessage>()).Epoch);
    }

    [Fact]
    public void Stop_is_answered_at_once_while_experts_are_loaded()
    {
        var probe = Start([1]).Stop();
        Assert.Equal(MemberPhase.Stopped, probe.Core.Phase);
        Assert.NotNull(probe.Answer);
    }

    [Fact]
    public void Under_Fail_steps_begin_at_once_and_the_view_is_Completed_when_all_experts_are_here()
    {
        var probe = Start([0, 2], new MemberProbe(lostExperts: LostExpertsPolicy.Fail)).Wait();
        Assert.Equal(MemberPhase.Running, probe.Core.Phase);
        probe.Complete(0, 2);
        Assert.True(probe.Returned.Result);
        Assert.Equal(0, probe.Core.CompletedEpoch);
        probe.Do(effects => probe.Core.OnLoaded(TestViews.Id(0), 3, effects));
        Assert.False(probe.Has<ViewCompleted>());
        probe.Do(effects => probe.Core.OnLinkUp(TestViews.Id(2), effects)); // it has nothing of its own to say
        Assert.Empty(probe.Sent<LoadedMessage>());
        probe.Do(effects => probe.Core.OnLoaded(TestViews.Id(2), 3, effects));
        Assert.Equal(3, Assert.Single(probe.Of<ViewCompleted>()).View.Epoch);
        Assert.Equal(3, probe.Core.CompletedEpoch);
    }

    [Fact]
    public void Under_Fail_a_view_whose_experts_come_before_its_first_step_is_complete_is_Completed_with_that()
    {
        var probe = Start([0], new MemberProbe(lostExperts: LostExpertsPolicy.Fail)).Wait();
        probe.Do(effects => probe.Core.OnLoaded(TestViews.Id(0), 3, effects));
        Assert.False(probe.Has<ViewCompleted>());
        probe.Complete(0, 2);
        Assert.Equal(3, probe.Core.CompletedEpoch);
    }

    [Fact]
    public void Under_Fail_a_rank_that_loads_begins_when_what_it_has_can_be_used_and_says_until_Completed_that_it_has_loaded()
    {
        var probe = Start([1], new MemberProbe(lostExperts: LostExpertsPolicy.Fail)).Wait();
        Assert.Equal(MemberPhase.Due, probe.Core.Phase);
        probe.Do(effects => probe.Core.OnLoadBegun(effects));
        Assert.Equal(MemberPhase.Running, probe.Core.Phase);
        Assert.True(probe.Core.IsLoadAwaited);
        probe.Do(effects => probe.Core.OnReloaded(new Reloaded(3), effects));
        probe.Do(effects => probe.Core.OnLinkUp(TestViews.Id(2), effects));
        Assert.Equal(3, Assert.Single(probe.Sent<LoadedMessage>()).Epoch);
    }

    [Fact]
    public void Under_Fail_a_load_that_goes_on_while_the_delegate_is_inside_does_not_answer_Stop_for_it()
    {
        var probe = Start([1], new MemberProbe(lostExperts: LostExpertsPolicy.Fail)).Wait();
        probe.Do(effects => probe.Core.OnLoadBegun(effects));
        probe.Do(effects => probe.Core.OnLoadStuck("its hook does not return", probe.Now, effects));
        Assert.True(probe.Has<AbortAttempt>());
        Assert.Null(probe.Stop().Answer);
        probe.Do(effects => probe.Core.OnLoadGoesOn(probe.Now, effects));
        Assert.Null(probe.Answer);
        Assert.NotNull(probe.ReturnDelegate(new OperationCanceledException()).Answer);
    }

    [Fact]
    public void Under_Fail_a_delegate_that_ends_while_the_load_is_stuck_does_not_answer_Stop_for_it()
    {
        var probe = Start([1], new MemberProbe(lostExperts: LostExpertsPolicy.Fail)).Wait();
        probe.Do(effects => probe.Core.OnLoadBegun(effects));
        probe.Do(effects => probe.Core.OnLoadStuck("its hook does not return", probe.Now, effects));
        probe.Stop();
        Assert.Null(probe.ReturnDelegate(new OperationCanceledException()).Answer);
        Assert.NotNull(probe.Do(effects => probe.Core.OnLoadGoesOn(probe.Now, effects)).Answer);
    }

    private static MemberProbe Start(int[] reloading, MemberProbe? probe = null)
    {
        probe ??= new MemberProbe();
        return probe.Do(effects => probe.Core.OnStart(new StartMessage(View, 8, "", 0) { Reloading = [.. reloading] }, effects));
    }
}
