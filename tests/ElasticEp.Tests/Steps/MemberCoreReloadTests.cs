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

    private static MemberProbe Start(int[] reloading, MemberProbe? probe = null)
    {
        probe ??= new MemberProbe();
        return probe.Do(effects => probe.Core.OnStart(new StartMessage(View, 8, "", 0) { Reloading = [.. reloading] }, effects));
    }
}
