using ElasticEp.Placement;

namespace ElasticEp.Tests.Cluster;

/// <summary>Deals the experts out to the ranks, one place further whenever there was a placement: as much as possible moves.</summary>
internal sealed class TurningPolicy : IPlacementPolicy
{
    public string Name => "Turning";

    public ExpertPlacement Plan(PlacementRequest request)
    {
        var turn = request.Current.Layers == 0 ? 0 : 1;
        var layer = request.Ranks
            .Select((_, index) => Enumerable.Range(0, request.Experts).Where(expert => (expert + turn) % request.Ranks.Count == index).ToArray())
            .ToArray();
        return new ExpertPlacement(request.Experts, [.. request.Ranks.Select(rank => rank.Rank)], [.. Enumerable.Repeat(layer, request.Layers)]);
    }
}
