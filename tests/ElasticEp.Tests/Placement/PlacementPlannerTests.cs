using ElasticEp.Placement;

namespace ElasticEp.Tests.Placement;

public class PlacementPlannerTests
{
    [Fact]
    public void Full_ranks_with_a_spare_buffer_exchange_an_expert_in_one_stage()
    {
        var plan = Plan(1, [[0, 1], [2, 3]], [[0, 2], [1, 3]]);

        Assert.Single(plan.Stages);
        Assert.Equal([new ExpertTransfer(0, 2, 1, 0, 1), new ExpertTransfer(0, 1, 0, 1, 0)], plan.Transfers);
    }

    [Fact]
    public void A_larger_exchange_between_full_ranks_takes_a_stage_for_each_spare_buffer()
    {
        var plan = Plan(1, [[0, 1], [2, 3]], [[2, 3], [0, 1]]);

        Assert.Equal(2, plan.Stages.Count);
        Assert.Equal([2, 2], plan.Stages.Select(stage => stage.Transfers.Count));
    }

    [Fact]
    public void The_transfers_to_each_rank_are_those_of_the_stage_in_its_order()
    {
        var stage = Plan(2, [[0, 1], [2, 3]], [[2, 3], [0, 1]]).Stages[0];

        Assert.Equal(4, stage.Transfers.Count);
        foreach (var rank in (int[])[0, 1])
            Assert.Equal(stage.Transfers.Where(transfer => transfer.Destination == rank), stage.TransfersTo(rank));
        Assert.Empty(stage.TransfersTo(2));
    }

    [Fact]
    public void Experts_go_round_three_full_ranks_along_the_cycle()
    {
        var plan = Plan(1, [[0, 1], [2, 3], [4, 5]], [[4, 5], [0, 1], [2, 3]]);

        Assert.Equal(2, plan.Stages.Count);
        Assert.Equal(6, plan.Transfers.Count);
    }

    [Fact]
    public void A_slot_that_must_be_reused_is_withdrawn_first_in_a_stage_without_transfers()
    {
        var plan = Plan(0, [[0, 1], [1, 2]], [[0, 2], [1, 2]]);

        Assert.Equal(2, plan.Stages.Count);
        Assert.Empty(plan.Stages[0].Transfers);
        Assert.Equal([0, -1], plan.Stages[0].Placement.GetSlots(0, 0).ToArray());
        Assert.Equal([new ExpertTransfer(0, 2, 1, 0, 1)], plan.Stages[1].Transfers);
    }

    [Fact]
    public void Full_ranks_without_a_spare_buffer_are_refused_with_the_numbers()
    {
        var error = Assert.Throws<ElasticEpException>(() => Plan(0, [[0, 1], [2, 3]], [[0, 2], [1, 3]]));

        Assert.Equal(ElasticEpErrorCode.ImpossibleGroup, error.Code);
        Assert.Equal(
            "In layer 0, rank 0 is to get 1 experts and has 0 free buffers (it has 2 slots and SpareExperts = 0), and no exchange with others frees more; raise SpareExperts, or resize in smaller steps, joiners and leavers apart.",
            error.Message);
    }

    [Fact]
    public void Joiners_enter_and_leavers_leave_in_the_last_stage()
    {
        // Rank 2 leaves with two experts, and ranks 0 and 1 must first let go of what both have.
        var plan = Plan(0, [[0, 1], [0, 1], [2, 3]], [[0, 2], [1, 3]]);

        Assert.Equal(2, plan.Stages.Count);
        Assert.Equal([0, 1, 2], plan.Stages[0].Placement.Ranks.ToArray());
        Assert.Equal([0, 1], plan.Stages[1].Placement.Ranks.ToArray());
    }

    [Fact]
    public void Experts_that_leave_full_ranks_for_a_joiner_make_room_after_it_has_entered()
    {
        // Ranks 0 and 1 give two experts each to rank 2 and exchange the rest, with one spare buffer.
        var plan = Plan(1, [[0, 1, 2], [3, 4, 5]], [[3, 4, 2], [0, 1, 5], [0, 1, 3]]);

        Assert.Equal([0, 1, 2], plan.Stages[^1].Placement.Ranks.ToArray());
        Assert.Equal(7, plan.Transfers.Count);
    }

    [Fact]
    public void Layers_that_need_fewer_stages_change_members_with_the_others()
    {
        var current = new ExpertPlacement(4, [0, 1], [[[0, 1], [2, 3]], [[0, 1], [2, 3]]]);
        var target = new ExpertPlacement(4, [0, 1], [[[2, 3], [0, 1]], [[0, 1], [2, 3]]]);
        var request = Requests.Next(current, 2, 0, 1);

        var plan = PlacementPlanner.Plan(new FixedPolicy(target), request);

        SimulatedCluster.Run(request, plan);
        Assert.Equal(2, plan.Stages.Count);
    }

    [Fact]
    public void Bytes_are_counted_by_sender_and_receiver_and_the_busiest_decides_the_time()
    {
        var current = new ExpertPlacement(4, [0, 1], [[[0, 1, 2, 3], [0, -1, -1, -1]]]);
        var target = new ExpertPlacement(4, [0, 1], [[[0, 1, 2, 3], [0, 1, 2, 3]]]);
        var request = new PlacementRequest
        {
            Layers = 1,
            Experts = 4,
            Ranks = [new RankCapacity(0, 4, 1), new RankCapacity(1, 4, 1)],
            Current = current,
            ExpertBytes = 1_000_000,
        };

        var plan = PlacementPlanner.Plan(new FixedPolicy(target), request);

        Assert.Equal(3_000_000, plan.TotalBytes);
        Assert.Equal(new Dictionary<int, long> { [0] = 3_000_000 }, plan.BytesSent);
        Assert.Equal(new Dictionary<int, long> { [1] = 3_000_000 }, plan.BytesReceived);
        Assert.Equal(TimeSpan.FromSeconds(3), plan.EstimateTime(1_000_000));
        Assert.Equal(3, plan.LowerBound);
    }

    [Fact]
    public void A_sender_on_the_receivers_node_is_preferred()
    {
        var current = new ExpertPlacement(2, [0, 1, 2], [[[0, 1], [0, 1], [-1, -1]]]);
        var target = new ExpertPlacement(2, [0, 1, 2], [[[0, 1], [0, 1], [0, -1]]]);
        var request = new PlacementRequest
        {
            Layers = 1,
            Experts = 2,
            Ranks = [new RankCapacity(0, 2, 1, "a"), new RankCapacity(1, 2, 1, "b"), new RankCapacity(2, 2, 1, "b")],
            Current = current,
        };

        Assert.Equal([new ExpertTransfer(0, 0, 1, 2, 0)], PlacementPlanner.Plan(new FixedPolicy(target), request).Transfers);
    }

    [Fact]
    public void An_answer_without_an_expert_is_refused()
    {
        var answer = new ExpertPlacement(2, [0], [[[0, -1]]]);

        var error = Assert.Throws<ElasticEpException>(() => PlacementPlanner.Plan(new FixedPolicy(answer), Requests.Birth(1, 2, 2, 0)));

        Assert.Equal("The placement of policy fixed cannot be used: expert 1 of layer 0 has no copy. This is a defect of the policy.", error.Message);
    }

    [Fact]
    public void An_answer_for_other_ranks_is_refused()
    {
        var answer = new ExpertPlacement(2, [1], [[[0, 1]]]);

        var error = Assert.Throws<ElasticEpException>(() => PlacementPlanner.Plan(new FixedPolicy(answer), Requests.Birth(1, 2, 2, 0)));

        Assert.Equal("The placement of policy fixed cannot be used: it has the ranks [1] instead of [0]. This is a defect of the policy.", error.Message);
    }

    /// <summary>One layer, from one placement to another; every rank has as many slots as its row.</summary>
    private static PlacementPlan Plan(int spares, int[][] before, int[][] after)
    {
        var experts = before.SelectMany(row => row).Max() + 1;
        var slots = before[0].Length;
        var current = new ExpertPlacement(experts, [.. Enumerable.Range(0, before.Length)], [before]);
        var target = new ExpertPlacement(experts, [.. Enumerable.Range(0, after.Length)], [after]);
        var request = Requests.With(current, 1, experts, slots, spares, 0, default, [.. Enumerable.Range(0, after.Length)]);
        var plan = PlacementPlanner.Plan(new FixedPolicy(target), request);
        SimulatedCluster.Run(request, plan);
        return plan;
    }

    private sealed class FixedPolicy(ExpertPlacement answer) : IPlacementPolicy
    {
        public string Name => "fixed";

        public ExpertPlacement Plan(PlacementRequest request) => answer;
    }
}
