using ElasticEp.Placement;

namespace ElasticEp.Benchmarks.Placement;

/// <summary>What frozen groups do: slot i of the group holds expert i modulo the experts, whatever the load.</summary>
internal sealed class RoundRobin : IPlacementPolicy
{
    public string Name => "round-robin";

    public ExpertPlacement Plan(PlacementRequest request)
    {
        var slots = new int[request.Layers][][];
        for (var layer = 0; layer < slots.Length; layer++)
        {
            var next = 0;
            slots[layer] = [.. request.Ranks.Select(rank => Enumerable.Range(0, rank.Slots).Select(_ => next++ % request.Experts).ToArray())];
        }

        return new ExpertPlacement(request.Experts, [.. request.Ranks.Select(rank => rank.Rank)], slots);
    }
}
