using ElasticEp.Placement;

namespace ElasticEp.Tests.Placement;

/// <summary>Short ways to say what is asked of a policy.</summary>
internal static class Requests
{
    public static PlacementRequest Birth(int layers, int experts, int slots, params int[] ranks) =>
        With(ExpertPlacement.Empty, layers, experts, slots, 1, 0, default, ranks);

    public static PlacementRequest Next(ExpertPlacement current, int slots, params int[] ranks) =>
        With(current, current.Layers, current.Experts, slots, 1, 0, default, ranks);

    public static PlacementRequest With(
        ExpertPlacement current, int layers, int experts, int slots, int spares, int redundant, ReadOnlyMemory<float> load, params int[] ranks) => new()
        {
            Layers = layers,
            Experts = experts,
            Ranks = [.. ranks.Select(rank => new RankCapacity(rank, slots, spares))],
            Current = current,
            RedundantExperts = redundant,
            Load = load,
        };

    public static PlacementRequest WithBudget(PlacementRequest request, long? budget) => new()
    {
        Layers = request.Layers,
        Experts = request.Experts,
        Ranks = request.Ranks,
        Current = request.Current,
        RedundantExperts = request.RedundantExperts,
        Load = request.Load,
        ToleratedLosses = request.ToleratedLosses,
        ExpertBytes = request.ExpertBytes,
        MovementBudget = budget,
    };

    public static int[] Held(this ExpertPlacement placement, int layer, int rank) =>
        [.. placement.GetSlots(layer, rank).ToArray().Where(expert => expert >= 0).Order()];
}
