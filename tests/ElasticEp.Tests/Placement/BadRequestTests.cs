using ElasticEp.Placement;

namespace ElasticEp.Tests.Placement;

/// <summary>Requests that no policy can answer are refused with the numbers, by every policy and by the planner.</summary>
public class BadRequestTests
{
    public static TheoryData<PlacementRequest, string> BadRequests => new()
    {
        { Ask(load: [1, -2, 3, 4]), "The load of expert 1 of layer 0 is -2; loads must be finite and not negative." },
        { Ask(load: [1, 2, 3, 4, 5, 6, float.NaN, 8], layers: 2), "The load of expert 2 of layer 1 is NaN; loads must be finite and not negative." },
        { Ask(load: [1, 2, float.PositiveInfinity, 4]), "The load of expert 2 of layer 0 is Infinity; loads must be finite and not negative." },
        { Ask(load: [1, 2, 3]), "The load has 3 values; 1 layers of 4 experts need 4." },
        { Ask(ranks: [3, 3]), "Rank 3 is named twice." },
        { Ask(ranks: [3, 1]), "Ranks must ascend; rank 1 follows rank 3." },
        { Ask(ranks: [-1, 1]), "Rank -1 is negative." },
        { Ask(slots: -1), "Rank 0 has -1 slots and 1 spare experts; neither may be negative." },
        { Ask(redundant: -1), "RedundantExperts is -1; it must not be negative." },
        { Ask(losses: -1), "ToleratedLosses is -1; it must not be negative." },
        { Ask(budget: -1), "MovementBudget is -1 bytes; it must not be negative, and null means no limit." },
        { Ask(layers: 0), "A placement needs at least one layer and one expert; the request has 0 layers of 4 experts." },
        { Ask(current: new ExpertPlacement(3, [0], [[[0, 1, 2]]])), "The current placement has 1 layers of 3 experts; the request has 1 of 4." },
        { Ask(slots: 1), "2 ranks with 2 slots cannot hold the 4 experts of each of 1 layers (layer 0 is the first that does not fit); the smallest size that works is 4 ranks of 1 slots, or raise SlotsPerRank." },
        { Ask(ranks: []), "0 ranks with 0 slots cannot hold the 4 experts of each of 1 layers (layer 0 is the first that does not fit); no size works without slots, or raise SlotsPerRank." },
    };

    [Theory]
    [MemberData(nameof(BadRequests))]
    public void A_bad_request_is_refused_with_the_numbers(PlacementRequest request, string message)
    {
        Assert.Equal(message, Assert.Throws<ElasticEpException>(() => new MinimalMove().Plan(request)).Message);
        Assert.Equal(message, Assert.Throws<ElasticEpException>(() => new DeepSeekEplb().Plan(request)).Message);
        Assert.Equal(message, Assert.Throws<ElasticEpException>(() => PlacementPlanner.Plan(new MinimalMove(), request)).Message);
    }

    private static PlacementRequest Ask(
        float[]? load = null, int layers = 1, int[]? ranks = null, int slots = 4, int redundant = 0, int losses = 0, long? budget = null, ExpertPlacement? current = null) => new()
        {
            Layers = layers,
            Experts = 4,
            Ranks = [.. (ranks ?? [0, 1]).Select(rank => new RankCapacity(rank, slots, 1))],
            Current = current ?? ExpertPlacement.Empty,
            RedundantExperts = redundant,
            Load = load,
            ToleratedLosses = losses,
            MovementBudget = budget,
        };
}
