using ElasticEp.Events;
using ElasticEp.Scaling;

namespace ElasticEp.Tests.Scaling;

public sealed class GroupLoadTests
{
    [Fact]
    public void Nothing_is_known_at_first_and_after_it_was_cleared()
    {
        var load = new GroupLoad(1, 2, 100);
        Assert.True(load.Read().IsEmpty);
        Assert.Null(load.Balance(Placement([[0], [1]])));
        load.Add(100, [3, 4]);
        load.Clear();
        Assert.True(load.Read().IsEmpty);
    }

    [Fact]
    public void Reports_of_a_window_add_up()
    {
        var load = new GroupLoad(1, 2, 100);
        load.Add(100, [3, 4]);
        load.Add(100, [10, 0]);
        load.Add(99, [0, 1]); // of a rank that is a step behind
        Assert.Equal([13f, 5f], load.Read().ToArray());
    }

    [Fact]
    public void What_was_told_before_loses_half_its_weight_with_every_window()
    {
        var load = new GroupLoad(1, 2, 100);
        load.Add(100, [8, 16]);
        load.Add(200, [1, 0]);
        load.Add(400, [0, 0]);
        Assert.Equal([1.25f, 2f], load.Read().ToArray());
    }

    [Fact]
    public void Only_zeros_are_no_knowledge()
    {
        var load = new GroupLoad(1, 2, 100);
        load.Add(100, [0, 0]);
        Assert.True(load.Read().IsEmpty);
    }

    [Fact]
    public void Balance_is_the_mean_load_of_a_rank_by_the_highest_with_replicas_sharing_equally()
    {
        var load = new GroupLoad(3, 3, 100);
        load.Add(100, [4, 2, 2, 6, 1, 1, 0, 0, 0]);
        // Layer 0: expert 0 on both ranks, so 2 + 2 and 2 + 2. Layer 1: 3 + 1 and 3 + 1. The last layer has no load and does not count.
        Assert.Equal(new LoadBalance(1, 1), load.Balance(Placement([[0, 1], [0, 2]], [[0, 1], [0, 2]], [[0, 1], [2, -1]])));
        // Layer 0: 6 and 2, mean 4. Layer 1: 7 and 1, mean 4.
        Assert.Equal(new LoadBalance(((4.0 / 6) + (4.0 / 7)) / 2, 4.0 / 7), load.Balance(Placement([[0, 1], [2, -1]], [[0, 1], [2, -1]], [[0, 1], [2, -1]])));
    }

    [Fact]
    public void A_passive_copy_has_no_share_of_the_load()
    {
        var load = new GroupLoad(1, 3, 100);
        load.Add(100, [4, 2, 2]);
        Assert.Equal(new LoadBalance(4.0 / 6, 4.0 / 6), load.Balance(Placement([[0, 1], [0, 2]]).WithPassive([(0, new(4, 0))]))); // 6 and 2
    }

    private static ExpertPlacement Placement(params int[][][] slots) => new(slots[0].SelectMany(rank => rank).Max() + 1, [1, 4], slots);
}
