using CsCheck;
using ElasticEp.Placement;
using Xunit;

namespace ElasticEp.Tests.Placement;

/// <summary>What holds of every plan, over random histories of resizes. CsCheck prints the seed of a failure.</summary>
public class KeepAndFillPropertyTests
{
    private static readonly Gen<(int Experts, int Layers, int Spares, int Redundant, int Extra, int[][] Sizes, float[] Load)> Histories =
        Gen.Select(
            Gen.Int[1, 20],
            Gen.Int[1, 3],
            Gen.Int[0, 2],
            Gen.Int[0, 6],
            Gen.Int[0, 3],
            Gen.Shuffle(new[] { 0, 1, 2, 3, 4, 5 }, 1, 6).Select(ranks => ranks.Order().ToArray()).Array[2, 6],
            Gen.Float[0, 100].Array[60]);

    private readonly KeepAndFill _policy = new();

    [Fact]
    public void With_one_copy_each_every_resize_works_and_is_even() => Histories.Sample(history =>
    {
        var current = ExpertPlacement.Empty;
        foreach (var ranks in history.Sizes)
        {
            var slots = ((history.Experts + ranks.Length - 1) / ranks.Length) + history.Extra;
            var fits = Requests.With(current, history.Layers, history.Experts, Math.Max(slots, Widest(current)), history.Spares, 0, default, ranks);
            var plan = CheckPlan(fits);
            for (var layer = 0; layer < history.Layers; layer++)
            {
                var counts = ranks.Select(rank => plan.Placement.Held(layer, rank).Length).ToArray();
                Assert.Equal(history.Experts, counts.Sum());
                Assert.True(counts.Max() - counts.Min() <= 1, $"counts [{string.Join(' ', counts)}]");
            }

            Assert.True(plan.Transfers.Count - plan.LowerBound <= Excess(fits), "more than evenness needs was moved");
            current = plan.Placement;
        }
    }, iter: 2000);

    [Fact]
    public void With_replicas_every_plan_is_valid() => Histories.Sample(history =>
    {
        var current = ExpertPlacement.Empty;
        foreach (var (ranks, turn) in history.Sizes.Select((ranks, turn) => (ranks, turn)))
        {
            var redundant = (history.Redundant + (turn * 2)) % 7;
            var load = history.Load.Skip(turn).Take(history.Layers * history.Experts).ToArray();
            var slots = Math.Max(((history.Experts + redundant + ranks.Length - 1) / ranks.Length) + history.Extra, Widest(current));
            var request = Requests.With(
                current, history.Layers, history.Experts, slots, history.Spares, redundant, load.Length == history.Layers * history.Experts ? load : default, ranks);
            try
            {
                current = CheckPlan(request).Placement;
            }
            catch (ElasticEpException refused) when (refused.Code == ElasticEpErrorCode.ImpossibleGroup)
            {
                return; // Full of replicas that must go first: allowed, and named.
            }
        }
    }, iter: 2000);

    [Fact]
    public void With_spare_buffers_for_all_every_replica_is_placed_evenly() => Histories.Sample(history =>
    {
        var current = ExpertPlacement.Empty;
        foreach (var ranks in history.Sizes)
        {
            var total = Math.Min(history.Experts + history.Redundant, history.Experts * ranks.Length);
            var slots = Math.Max(((total + ranks.Length - 1) / ranks.Length) + history.Extra, Widest(current));
            var load = history.Load[..(history.Layers * history.Experts)];
            var plan = CheckPlan(Requests.With(current, history.Layers, history.Experts, slots, history.Experts, history.Redundant, load, ranks));
            for (var layer = 0; layer < history.Layers; layer++)
            {
                var counts = ranks.Select(rank => plan.Placement.Held(layer, rank).Length).ToArray();
                Assert.Equal(total, counts.Sum());
                Assert.True(counts.Max() - counts.Min() <= 1, $"counts [{string.Join(' ', counts)}]");
            }

            current = plan.Placement;
        }
    }, iter: 2000);

    private static int Widest(ExpertPlacement placement) =>
        placement.Layers == 0 ? 0 : placement.Ranks.ToArray().Max(rank => placement.GetSlots(0, rank).Length);

    /// <summary>Experts beyond the even share on the ranks that stay, and so at least the moves that evenness takes.</summary>
    private static int Excess(PlacementRequest request)
    {
        var share = request.Experts / request.Ranks.Count;
        var excess = 0;
        for (var layer = 0; layer < request.Layers && request.Current.Layers > 0; layer++)
        {
            var seats = request.Experts % request.Ranks.Count;
            foreach (var held in request.Ranks.Select(rank => request.Current.Held(layer, rank.Rank).Length).OrderDescending())
                excess += Math.Max(0, held - share - (seats-- > 0 ? 1 : 0));
        }

        return excess;
    }

    private PlacementPlan CheckPlan(PlacementRequest request)
    {
        var plan = PlacementPlanner.Plan(_policy, request);
        var again = PlacementPlanner.Plan(_policy, request);
        Assert.Equal(plan.Transfers, again.Transfers);
        Assert.Null(plan.Placement.FindMissing());
        Assert.True(plan.LowerBound <= plan.Transfers.Count, $"the bound {plan.LowerBound} is above the {plan.Transfers.Count} transfers");
        var needed = new HashSet<(int, int, int, int)>();
        for (var layer = 0; layer < request.Layers; layer++)
        {
            foreach (var rank in request.Ranks)
                CheckRank(request, plan.Placement, again.Placement, layer, rank, needed);
        }

        Assert.Equal(needed.Count, plan.Transfers.Count);
        foreach (var transfer in plan.Transfers)
        {
            Assert.Contains((transfer.Layer, transfer.Expert, transfer.Destination, transfer.Slot), needed);
            var holders = request.Current.Layers == 0 ? [] : request.Current.GetReplicas(transfer.Layer, transfer.Expert).ToArray();
            Assert.True(holders.Length == 0 ? transfer.Source == -1 : holders.Any(holder => holder.Rank == transfer.Source));
        }

        return plan;
    }

    private static void CheckRank(
        PlacementRequest request, ExpertPlacement next, ExpertPlacement again, int layer, RankCapacity rank, HashSet<(int, int, int, int)> needed)
    {
        var slots = next.GetSlots(layer, rank.Rank).ToArray();
        Assert.Equal(rank.Slots, slots.Length);
        Assert.Equal(slots, again.GetSlots(layer, rank.Rank).ToArray());
        var held = slots.Where(expert => expert >= 0).ToArray();
        Assert.Equal(held.Length, held.Distinct().Count());
        var before = request.Current.Layers == 0 ? [] : request.Current.GetSlots(layer, rank.Rank).ToArray();
        for (var slot = 0; slot < slots.Length; slot++)
        {
            if (slots[slot] < 0)
                continue;
            var old = Array.IndexOf(before, slots[slot]);
            if (old < 0)
                needed.Add((layer, slots[slot], rank.Rank, slot));
            else
                Assert.Equal(old, slot);
        }

        var received = held.Count(expert => !before.Contains(expert));
        var used = before.Count(expert => expert >= 0);
        Assert.True(received <= rank.Slots - used + rank.SpareExperts, $"rank {rank.Rank} receives {received}, and {used} of its {rank.Slots} slots are in use");
    }
}
