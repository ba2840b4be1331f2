using ElasticEp.Events;
using ElasticEp.Membership;

namespace ElasticEp.Tests.Membership;

public sealed class SuccessionTests
{
    private static readonly GroupView View = new(4, 0, 3, new[] { 1, 3, 5 }.Select(TestViews.Member), ExpertPlacement.Empty);

    [Theory]
    [InlineData(new[] { 1, 3 }, 3)]
    [InlineData(new[] { 0, 1, 5 }, 1)]
    [InlineData(new[] { 0, 2 }, 0)]
    [InlineData(new int[0], -1)]
    public void The_next_coordinator_is_the_present_one_or_the_lowest_that_stays(int[] next, int expected) =>
        Assert.Equal(expected, Succession.NextCoordinator(View, [.. next.Select(TestViews.Member)]));

    [Theory]
    [InlineData(new int[0], 3)]
    [InlineData(new[] { 3 }, 1)]
    [InlineData(new[] { 1, 3 }, 5)]
    [InlineData(new[] { 1, 3, 5 }, 3)]
    public void A_recovery_is_led_by_the_coordinator_or_by_the_lowest_member_that_is_not_lost(int[] lost, int expected)
    {
        var peers = new PeerCore(new ElasticEpOptions());
        foreach (var rank in lost)
        {
            peers.OnUp(TestViews.Id(rank), TimeSpan.Zero);
            peers.Report(TestViews.Id(rank), LossReason.Stuck, "", TimeSpan.Zero);
        }

        Assert.Equal(TestViews.Id(expected), Succession.Leader(View, peers));
    }

    [Fact]
    public void A_later_process_of_a_member_is_not_the_member() =>
        Assert.Equal(3, Succession.NextCoordinator(View, [TestViews.Member(1) with { Incarnation = 99 }, TestViews.Member(3)]));
}
