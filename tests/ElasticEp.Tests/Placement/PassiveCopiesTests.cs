using CsCheck;
using ElasticEp.Placement;

namespace ElasticEp.Tests.Placement;

/// <summary>Which copies are active, and what becomes of that when ranks go and views follow each other.</summary>
public sealed class PassiveCopiesTests
{
    // Expert 0 on all ranks, expert 1 on the first two, expert 2 on the last.
    private static readonly ExpertPlacement Placement = new(3, [1, 4, 7], [[[0, 1, -1], [1, 0, -1], [2, -1, 0]]]);

    [Fact]
    public void Every_copy_is_active_unless_a_placement_says_otherwise()
    {
        for (var expert = 0; expert < 3; expert++)
            Assert.Equal(Placement.GetReplicas(0, expert).ToArray(), Placement.GetActiveReplicas(0, expert).ToArray());
        Assert.False(Placement.HasPassive);
        Assert.True(Placement.IsActive(0, 4, 1));
        Assert.False(Placement.IsActive(0, 4, 2)); // empty
        Assert.False(Placement.IsActive(0, 4, 3)); // not there
        Assert.False(Placement.IsActive(0, 5, 0)); // nor that rank
    }

    [Fact]
    public void A_passive_copy_is_held_and_is_none_of_the_active_ones()
    {
        var placement = Placement.WithPassive([(0, new(1, 0)), (0, new(7, 2))]);
        Assert.Equal([At(1, 0), At(4, 1), At(7, 2)], placement.GetReplicas(0, 0).ToArray());
        Assert.Equal([At(4, 1)], placement.GetActiveReplicas(0, 0).ToArray());
        Assert.Equal((false, true, false), (placement.IsActive(0, 1, 0), placement.IsActive(0, 4, 1), placement.IsActive(0, 7, 2)));
        Assert.True(placement.HasSameSlots(Placement));
    }

    [Fact]
    public void The_copies_that_are_named_last_are_the_passive_ones()
    {
        var placement = Placement.WithPassive([(0, new(1, 0))]).WithPassive([(0, new(1, 1))]);
        Assert.Equal((true, false), (placement.IsActive(0, 1, 0), placement.IsActive(0, 1, 1)));
        Assert.False(placement.WithPassive([]).HasPassive);
    }

    [Fact]
    public void An_expert_whose_copies_are_all_passive_is_refused_with_its_layer_and_number()
    {
        var two = new ExpertPlacement(2, [0], [[[0, 1]], [[0, 1]]]);
        Assert.Equal("Every copy of expert 1 in layer 1 is passive; one must be active.", Assert.Throws<ArgumentException>(() => two.WithPassive([(1, new(0, 1))])).Message);
    }

    [Theory]
    [InlineData(0, 1, 2)]
    [InlineData(0, 1, 3)]
    [InlineData(0, 2, 0)]
    [InlineData(0, 1, -1)]
    [InlineData(1, 1, 0)]
    [InlineData(-1, 1, 0)]
    public void A_slot_without_a_copy_cannot_be_passive(int layer, int rank, int slot) =>
        Assert.Contains($"Slot {slot} of rank {rank} in layer {layer} holds no copy", Assert.Throws<ArgumentException>(() => Placement.WithPassive([(layer, new(rank, slot))])).Message, StringComparison.Ordinal);

    [Fact]
    public void When_the_active_copies_are_lost_a_passive_one_is_active()
    {
        var left = Placement.WithPassive([(0, new(4, 0)), (0, new(4, 1))]).Without([1]);
        Assert.Equal([At(4, 0)], left.GetActiveReplicas(0, 1).ToArray());
        Assert.Equal([At(7, 2)], left.GetActiveReplicas(0, 0).ToArray()); // one is left, so the passive one stays passive
    }

    [Fact]
    public void Of_several_passive_copies_one_is_active_on_the_rank_that_has_the_fewest()
    {
        // All that rank 0 had active is on ranks 1, 2 and 3, where nothing is active but expert 3 on rank 1.
        var full = new ExpertPlacement(4, [0, 1, 2, 3], [[[0, 1, 2, -1], [0, 1, 2, 3], [0, 1, 2, -1], [0, 1, 2, -1]]]);
        var passive = from rank in (int[])[1, 2, 3] from slot in (int[])[0, 1, 2] select (0, new ExpertReplica(rank, slot));
        var left = full.WithPassive(passive).Without([0]);
        Assert.Equal([2, 3, 1], Enumerable.Range(0, 3).Select(expert => Assert.Single(left.GetActiveReplicas(0, expert).ToArray()).Rank));
    }

    [Fact]
    public void What_joins_a_placement_brings_its_passive_copies()
    {
        var others = new ExpertPlacement(3, [2], [[[0, 1]]]);
        var both = Placement.WithPassive([(0, new(7, 2))]).With(others);
        Assert.Equal([At(1, 0), At(2, 0), At(4, 1)], both.GetActiveReplicas(0, 0).ToArray());
    }

    /// <summary>Whatever is lost: an active copy stays active, and a passive one is active only if its expert has no other.</summary>
    [Fact]
    public void After_any_loss_every_expert_that_is_left_has_an_active_copy() => Gen.Select(Gen.Int[1, 6], Gen.Int[1, 5], Gen.Int[1, 8], Gen.Int[0, 1_000_000]).Sample((ranks, slots, experts, seed) =>
    {
        var random = new Random(seed);
        int[][][] rows = [.. Enumerable.Range(0, 2).Select(_ => Enumerable.Range(0, ranks).Select(_ => Enumerable.Range(0, slots).Select(_ => random.Next(-1, experts)).ToArray()).ToArray())];
        var before = WithRandomPassive(new ExpertPlacement(experts, [.. Enumerable.Range(0, ranks)], rows), random);
        var after = before.Without([.. Enumerable.Range(0, ranks).Where(_ => random.Next(3) == 0)]);
        foreach (var (layer, expert) in from layer in (int[])[0, 1] from expert in Enumerable.Range(0, experts) select (layer, expert))
        {
            var (left, active) = (after.GetReplicas(layer, expert).ToArray(), after.GetActiveReplicas(layer, expert).ToArray());
            var stays = left.Where(copy => before.IsActive(layer, copy.Rank, copy.Slot)).ToArray();
            if (stays.Length > 0 || left.Length == 0)
                Assert.Equal(stays, active);
            else
                Assert.Single(active);
        }
    });

    [Fact]
    public void An_intermediate_view_takes_the_flags_of_its_target_and_always_has_an_active_copy()
    {
        // Experts 0 and 1 change places, one at a time. The copy of expert 2 on rank 1 is to be passive; that of expert 0 on rank 0 is, and goes.
        var current = new ExpertPlacement(4, [0, 1], [[[0, 1, 2], [3, 0, 2]]]).WithPassive([(0, new(0, 0))]);
        var target = new ExpertPlacement(4, [0, 1], [[[3, 1, 2], [0, 1, 2]]]).WithPassive([(0, new(1, 2))]);
        var request = Requests.With(current, 1, 4, 3, 0, 0, default, 0, 1);
        var plan = PlacementPlanner.Plan(new FixedPolicy(target), request);
        SimulatedCluster.Run(request, plan);
        Assert.True(plan.Stages.Count > 1);
        Assert.All(plan.Stages, stage => Assert.Equal([At(0, 2)], stage.Placement.GetActiveReplicas(0, 2).ToArray()));
        Assert.Same(target, plan.Placement);
    }

    [Fact]
    public void Policies_make_every_copy_active()
    {
        var current = Placement.WithPassive([(0, new(1, 0))]);
        foreach (var policy in (IPlacementPolicy[])[new MinimalMove(), new DeepSeekEplb()])
            Assert.False(policy.Plan(Requests.With(current, 1, 3, 3, 1, 3, default, 1, 4, 7)).HasPassive);
    }

    private static ExpertReplica At(int rank, int slot) => new(rank, slot);

    private static ExpertPlacement WithRandomPassive(ExpertPlacement placement, Random random)
    {
        var passive = new List<(int, ExpertReplica)>();
        for (var layer = 0; layer < placement.Layers; layer++)
        {
            for (var expert = 0; expert < placement.Experts; expert++)
            {
                var copies = placement.GetReplicas(layer, expert).ToArray();
                passive.AddRange(copies.OrderBy(_ => random.Next()).Skip(1).Where(_ => random.Next(3) > 0).Select(copy => (layer, copy)));
            }
        }

        return placement.WithPassive(passive);
    }

    private sealed class FixedPolicy(ExpertPlacement answer) : IPlacementPolicy
    {
        public string Name => "fixed";

        public ExpertPlacement Plan(PlacementRequest request) => answer;
    }
}
