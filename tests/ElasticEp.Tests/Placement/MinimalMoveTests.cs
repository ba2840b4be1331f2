using ElasticEp.Placement;
using Xunit;

namespace ElasticEp.Tests.Placement;

public class MinimalMoveTests
{
    private readonly MinimalMove _policy = new();

    [Fact]
    public void A_group_is_born_with_contiguous_runs_that_the_workload_loads_itself()
    {
        var plan = PlacementPlanner.Plan(_policy, Requests.Birth(1, 8, 4, 0, 1));

        Assert.Equal([0, 1, 2, 3], plan.Placement.GetSlots(0, 0).ToArray());
        Assert.Equal([4, 5, 6, 7], plan.Placement.GetSlots(0, 1).ToArray());
        Assert.Equal(8, plan.Transfers.Count);
        Assert.All(plan.Transfers, transfer => Assert.Equal(-1, transfer.Source));
        Assert.Equal(8, plan.LowerBound);
    }

    [Fact]
    public void What_does_not_divide_falls_on_another_rank_in_each_layer()
    {
        var plan = PlacementPlanner.Plan(_policy, Requests.Birth(3, 4, 2, 0, 1, 2));

        Assert.Equal([2, 1, 1], Counts(plan.Placement, 0));
        Assert.Equal([1, 2, 1], Counts(plan.Placement, 1));
        Assert.Equal([1, 1, 2], Counts(plan.Placement, 2));
    }

    [Fact]
    public void A_rank_that_joins_gets_its_even_share_and_nothing_else_moves()
    {
        var born = PlacementPlanner.Plan(_policy, Requests.Birth(1, 8, 8, 0, 1)).Placement;

        var plan = PlacementPlanner.Plan(_policy, Requests.Next(born, 8, 0, 1, 5));

        Assert.Equal([3, 3, 2], Counts(plan.Placement, 0));
        Assert.Equal([0, 1, 2, -1, -1, -1, -1, -1], plan.Placement.GetSlots(0, 0).ToArray());
        Assert.Equal([4, 5, 6, -1, -1, -1, -1, -1], plan.Placement.GetSlots(0, 1).ToArray());
        Assert.Equal([new ExpertTransfer(0, 3, 0, 5, 0), new ExpertTransfer(0, 7, 1, 5, 1)], plan.Transfers);
        Assert.Equal(0, plan.LowerBound);
    }

    [Fact]
    public void Any_rank_may_leave_and_is_copied_from_while_it_does()
    {
        var born = PlacementPlanner.Plan(_policy, Requests.Birth(1, 6, 4, 0, 1, 2)).Placement;

        var plan = PlacementPlanner.Plan(_policy, Requests.Next(born, 4, 1, 2));

        Assert.Equal([2, 3, 0, -1], plan.Placement.GetSlots(0, 1).ToArray());
        Assert.Equal([4, 5, 1, -1], plan.Placement.GetSlots(0, 2).ToArray());
        Assert.All(plan.Transfers, transfer => Assert.Equal(0, transfer.Source));
        Assert.Equal(2, plan.LowerBound);
    }

    [Fact]
    public void Experts_that_nobody_holds_any_more_come_from_the_workload()
    {
        var survivors = new ExpertPlacement(4, [0], [[[0, 1, -1, -1]]]);

        var plan = PlacementPlanner.Plan(_policy, Requests.Next(survivors, 4, 0));

        Assert.Equal([new ExpertTransfer(0, 2, -1, 0, 2), new ExpertTransfer(0, 3, -1, 0, 3)], plan.Transfers);
    }

    [Fact]
    public void Extra_replicas_go_to_the_hottest_experts()
    {
        var load = new float[] { 1, 9, 1, 1, 5, 1 };

        var plan = PlacementPlanner.Plan(_policy, Requests.With(ExpertPlacement.Empty, 1, 6, 4, 1, 2, load, 0, 1));

        Assert.Equal([0, 1, 2, 4], plan.Placement.Held(0, 0));
        Assert.Equal([1, 3, 4, 5], plan.Placement.Held(0, 1));
    }

    [Fact]
    public void Without_load_extra_replicas_go_to_the_lowest_experts()
    {
        var plan = PlacementPlanner.Plan(_policy, Requests.With(ExpertPlacement.Empty, 1, 4, 4, 1, 2, default, 0, 1));

        Assert.Equal([2, 2, 1, 1], Enumerable.Range(0, 4).Select(expert => plan.Placement.GetReplicas(0, expert).Length));
    }

    [Fact]
    public void Copies_of_one_expert_are_sent_by_all_who_hold_it()
    {
        var current = new ExpertPlacement(4, [0, 1], [[[0, 1, 2, 3], [0, 1, 2, 3]]]);

        var plan = PlacementPlanner.Plan(_policy, Requests.With(current, 1, 4, 4, 1, 8, default, 0, 1, 2));

        Assert.Equal([0, 1, 0, 1], plan.Transfers.Select(transfer => transfer.Source));
    }

    [Fact]
    public void Senders_and_receivers_take_turns()
    {
        var born = PlacementPlanner.Plan(_policy, Requests.Birth(1, 16, 8, 0, 1)).Placement;

        var plan = PlacementPlanner.Plan(_policy, Requests.Next(born, 8, 0, 1, 2, 3));

        Assert.Equal(8, plan.Transfers.Count);
        foreach (var turn in plan.Transfers.Chunk(2))
        {
            Assert.Equal([0, 1], turn.Select(transfer => transfer.Source).Order());
            Assert.Equal([2, 3], turn.Select(transfer => transfer.Destination).Order());
        }
    }

    [Fact]
    public void Too_few_slots_are_refused_with_the_smallest_size_that_works()
    {
        var error = Assert.Throws<ElasticEpException>(() => PlacementPlanner.Plan(_policy, Requests.Birth(2, 10, 3, 0, 1)));

        Assert.Equal(ElasticEpErrorCode.ImpossibleGroup, error.Code);
        Assert.Equal(
            "2 ranks with 6 slots cannot hold the 10 experts of each of 2 layers (layer 0 is the first that does not fit); the smallest size that works is 4 ranks of 3 slots, or raise SlotsPerRank.",
            error.Message);
    }

    [Fact]
    public void Experts_that_no_free_buffer_could_receive_are_refused_with_the_layer()
    {
        // Both ranks are full of copies of the same two experts, and one spare each takes two of the three that are missing.
        var current = new ExpertPlacement(5, [0, 1], [[[0, 1, 0], [0, 1, 1]]]);

        var error = Assert.Throws<ElasticEpException>(() => PlacementPlanner.Plan(_policy, Requests.Next(current, 3, 0, 1)));

        Assert.Equal(ElasticEpErrorCode.ImpossibleGroup, error.Code);
        Assert.StartsWith("In layer 0, 1 of 5 experts have no copy yet, and the 2 ranks with 6 slots", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_load_of_the_wrong_length_is_refused()
    {
        var error = Assert.Throws<ElasticEpException>(() => PlacementPlanner.Plan(_policy, Requests.With(ExpertPlacement.Empty, 1, 4, 4, 1, 0, new float[3], 0)));

        Assert.Equal(ElasticEpErrorCode.InvalidArgument, error.Code);
    }

    private static int[] Counts(ExpertPlacement placement, int layer) =>
        [.. placement.Ranks.ToArray().Select(rank => placement.Held(layer, rank).Length)];
}
