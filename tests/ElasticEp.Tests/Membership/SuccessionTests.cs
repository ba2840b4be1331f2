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
        Assert.Equal(expected, Succession.NextCoordinator(View, next));

    [Theory]
    [InlineData(new int[0], 3)]
    [InlineData(new[] { 3 }, 1)]
    [InlineData(new[] { 1, 3 }, 5)]
    [InlineData(new[] { 1, 3, 5 }, 3)]
    public void A_recovery_is_led_by_the_coordinator_or_by_the_lowest_member_that_is_not_lost(int[] lost, int expected) =>
        Assert.Equal(expected, Succession.Proposer(View, lost.ToHashSet()));
}
