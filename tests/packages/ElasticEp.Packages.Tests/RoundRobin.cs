using ElasticEp.Placement;

namespace ElasticEp.Packages.Tests;

/// <summary>A policy as somebody else may write one: expert after expert to the next rank that has room.</summary>
internal sealed class RoundRobin : IPlacementPolicy
{
    public string Name => "round-robin";

    public ExpertPlacement Plan(PlacementRequest request)
    {
        if (request.Ranks.Sum(rank => rank.Slots) < request.Experts)
            throw new ElasticEpException(ElasticEpErrorCode.ImpossibleGroup, $"{request.Ranks.Count} ranks have too few slots for {request.Experts} experts.");
        if (!request.Load.IsEmpty && (request.Load.Length != request.Layers * request.Experts || request.Load.ToArray().Any(load => !(load >= 0))))
            throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, "The load does not fit the model.");
        var slots = Enumerable.Range(0, request.Layers).Select(layer => PlanLayer(request, layer)).ToArray();
        return new ExpertPlacement(request.Experts, [.. request.Ranks.Select(rank => rank.Rank)], slots);
    }

    private static int[][] PlanLayer(PlacementRequest request, int layer)
    {
        var rows = request.Ranks.Select(_ => new List<int>()).ToArray();
        var next = layer;
        for (var expert = 0; expert < request.Experts; expert++)
        {
            while (rows[next % rows.Length].Count == request.Ranks[next % rows.Length].Slots)
                next++;
            rows[next++ % rows.Length].Add(expert);
        }

        return [.. rows.Select(row => row.ToArray())];
    }
}
