using ElasticEp.Placement;

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
        Assert.Equal(2, plan.LowerBound);
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

        Assert.Equal([1, 2, 1, 1, 2, 1], Enumerable.Range(0, 6).Select(expert => plan.Placement.GetReplicas(0, expert).Length));
    }

    [Fact]
    public void Without_load_extra_replicas_go_to_different_experts()
    {
        var plan = PlacementPlanner.Plan(_policy, Requests.With(ExpertPlacement.Empty, 1, 4, 4, 1, 2, default, 0, 1));

        Assert.Equal([1, 1, 2, 2], Enumerable.Range(0, 4).Select(expert => plan.Placement.GetReplicas(0, expert).Length).Order());
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
    public void Without_load_nothing_moves_between_ranks_that_stay()
    {
        var born = PlacementPlanner.Plan(_policy, Requests.With(ExpertPlacement.Empty, 2, 9, 6, 1, 3, default, 0, 1, 2)).Placement;

        Assert.Empty(PlacementPlanner.Plan(_policy, Requests.With(born, 2, 9, 6, 1, 3, default, 0, 1, 2)).Transfers);
    }

    [Fact]
    public void A_loaded_rank_exchanges_one_expert_for_balance()
    {
        var current = new ExpertPlacement(4, [0, 1], [[[0, 1], [2, 3]]]);

        var plan = PlacementPlanner.Plan(_policy, Requests.With(current, 1, 4, 2, 1, 0, new float[] { 8, 6, 4, 2 }, 0, 1));

        Assert.Equal(2, plan.Transfers.Count);
        Assert.Equal([10f, 10f], Loads(plan.Placement, [8, 6, 4, 2]));
    }

    [Fact]
    public void After_a_drift_it_is_as_balanced_as_the_published_balancer_for_a_quarter_of_its_moves()
    {
        const int Layers = 8, Experts = 64;
        var random = new Random(7);
        var before = Enumerable.Range(0, Layers * Experts).Select(index => (float)Math.Pow(1 + (index % Experts), -0.6)).ToArray();
        var load = before.Select(value => value * (float)Math.Exp(0.6 * (random.NextDouble() - 0.5))).ToArray();
        var ranks = Enumerable.Range(0, 8).ToArray();
        var start = new DeepSeekEplb().Plan(Requests.With(ExpertPlacement.Empty, Layers, Experts, 9, 1, 8, before, ranks));
        var request = Requests.With(start, Layers, Experts, 9, 1, 8, load, ranks);

        var published = PlacementPlanner.Plan(new DeepSeekEplb(), request);
        var ours = PlacementPlanner.Plan(_policy, request);

        for (var layer = 0; layer < Layers; layer++)
        {
            var row = load.AsMemory(layer * Experts, Experts).ToArray();
            Assert.True(Balancedness(ours.Placement, layer, row) >= Balancedness(published.Placement, layer, row) - 0.005);
        }

        Assert.True(ours.Transfers.Count * 4 <= published.Transfers.Count, $"{ours.Transfers.Count} and {published.Transfers.Count} moves");
    }

    [Fact]
    public void With_a_budget_of_zero_balance_moves_nothing()
    {
        var current = new ExpertPlacement(4, [0, 1], [[[0, 1], [2, 3]]]);
        var request = Requests.With(current, 1, 4, 2, 1, 0, new float[] { 8, 6, 4, 2 }, 0, 1);

        Assert.Empty(PlacementPlanner.Plan(_policy, Requests.WithBudget(request, 0)).Transfers);
    }

    [Fact]
    public void A_cold_replica_becomes_one_of_the_expert_that_has_become_hot()
    {
        var current = new ExpertPlacement(3, [0, 1], [[[0, 1], [0, 2]]]);

        var plan = PlacementPlanner.Plan(_policy, Requests.With(current, 1, 3, 2, 1, 1, new float[] { 2, 20, 2 }, 0, 1));

        Assert.Equal(2, plan.Placement.GetReplicas(0, 1).Length);
        Assert.Equal([new ExpertTransfer(0, 1, 0, 1, 0)], plan.Transfers);
    }

    [Fact]
    public void A_budget_goes_to_the_layer_where_it_gains_most()
    {
        var current = new ExpertPlacement(4, [0, 1], [[[0, 1], [2, 3]], [[0, 1], [2, 3]]]);
        var request = Requests.With(current, 2, 4, 2, 1, 0, new float[] { 6, 5, 5, 4, 8, 6, 4, 2 }, 0, 1);

        var plan = PlacementPlanner.Plan(_policy, Requests.WithBudget(request, 2));

        Assert.Equal([1, 1], plan.Transfers.Select(transfer => transfer.Layer));
    }

    [Fact]
    public void Copies_of_an_expert_go_to_different_nodes()
    {
        var request = new PlacementRequest
        {
            Layers = 1,
            Experts = 4,
            Ranks = [new RankCapacity(0, 2, 1, "a"), new RankCapacity(1, 2, 1, "a"), new RankCapacity(2, 2, 1, "b"), new RankCapacity(3, 2, 1, "b")],
            Current = ExpertPlacement.Empty,
            RedundantExperts = 4,
            ToleratedLosses = 1,
            Load = new float[] { 4, 3, 2, 1 },
        };

        var placement = _policy.Plan(request);

        for (var expert = 0; expert < 4; expert++)
            Assert.Equal([0, 1], placement.GetReplicas(0, expert).ToArray().Select(replica => replica.Rank / 2).Order());
    }

    private static double Balancedness(ExpertPlacement placement, int layer, float[] load)
    {
        var loads = placement.Ranks.ToArray().Select(rank => placement.GetSlots(layer, rank).ToArray().Sum(expert => (double)load[expert] / placement.GetReplicas(layer, expert).Length)).ToArray();
        return loads.Average() / loads.Max();
    }

    private static float[] Loads(ExpertPlacement placement, float[] load) =>
        [.. placement.Ranks.ToArray().Select(rank => placement.Held(0, rank).Sum(expert => load[expert] / placement.GetReplicas(0, expert).Length))];

    private static int[] Counts(ExpertPlacement placement, int layer) =>
        [.. placement.Ranks.ToArray().Select(rank => placement.Held(layer, rank).Length)];
}
