using ElasticEp.Placement;

namespace ElasticEp.Tests.Placement;

public sealed class StandbyShareTests
{
    private static readonly ExpertPlacement Even = new(8, [0, 1], [[[0, 1, 2, 3], [4, 5, 6, 7]]]);

    [Fact]
    public void Of_each_member_experts_are_taken_in_turn() => Assert.Equal([0, 1, 4, 5], Choose(Even, rank: 2, slots: 4));

    [Fact]
    public void Several_standbys_hold_different_experts() => Assert.Equal([2, 3, 6, 7], Choose(Even, rank: 3, slots: 4));

    [Fact]
    public void Experts_with_the_fewest_copies_go_first()
    {
        var replicated = new ExpertPlacement(6, [0, 1], [[[0, 1, 2, 5], [3, 4, 5, 0]]]);
        Assert.Equal([1, 2, 3, 4], Choose(replicated, rank: 3, slots: 4));
    }

    [Fact]
    public void What_is_held_goes_before_what_is_as_good() => Assert.Equal([0, 2, 3, 6], Choose(Even, rank: 2, slots: 4, 2, 3, 6));

    [Fact]
    public void What_is_held_and_has_more_copies_than_others_goes()
    {
        var replicated = new ExpertPlacement(6, [0, 1], [[[0, 1, 2, 5], [3, 4, 5, 0]]]);
        Assert.Equal([1, 2, 3, 4], Choose(replicated, rank: 3, slots: 4, 0, 5));
    }

    [Theory]
    [InlineData(8)]
    [InlineData(100)]
    public void With_slots_enough_it_holds_everything(int slots) => Assert.Equal([0, 1, 2, 3, 4, 5, 6, 7], Choose(Even, rank: 5, slots));

    [Fact]
    public void One_joiner_offers_all_that_it_holds_and_several_what_some_of_the_members_hold()
    {
        var held = new ExpertPlacement(8, [2], [[[0, 1, 2, 4, 5, 6, 7]]]);
        Assert.Equal([0, 1, 2, 4, 5, 6, 7], StandbyShare.Offer(Even, held, 0, 1).Held(0, 2));
        Assert.Equal([0, 1, 2], StandbyShare.Offer(Even, held, 0, 2).Held(0, 2));
        Assert.Equal([4, 5, 6, 7], StandbyShare.Offer(Even, held, 1, 2).Held(0, 2));
    }

    [Fact]
    public void Members_that_are_left_over_are_divided_among_the_joiners()
    {
        var three = new ExpertPlacement(6, [0, 1, 2], [[[0, 1], [2, 3], [4, 5]]]);
        var held = new ExpertPlacement(6, [3], [[[0, 1, 2, 3, 4, 5]]]);
        Assert.Equal([0, 1, 4], StandbyShare.Offer(three, held, 0, 2).Held(0, 3));
        Assert.Equal([2, 3, 5], StandbyShare.Offer(three, held, 1, 2).Held(0, 3));
    }

    private static int[] Choose(ExpertPlacement view, int rank, int slots, params int[] held) =>
        StandbyShare.Choose(view, rank, slots, held.Length == 0 ? ExpertPlacement.Empty : new ExpertPlacement(view.Experts, [rank], [[held]])).Held(0, rank);
}
