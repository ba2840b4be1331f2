using ElasticEp.Placement;

namespace ElasticEp.Tests.Cluster;

/// <summary>Experts go where another policy says, and of each the first copy alone is active.</summary>
internal sealed class PassivePolicy(IPlacementPolicy inner) : IPlacementPolicy
{
    public string Name => "Passive";

    public ExpertPlacement Plan(PlacementRequest request)
    {
        var placement = inner.Plan(request);
        return placement.WithPassive(
            from layer in Enumerable.Range(0, placement.Layers)
            from expert in Enumerable.Range(0, placement.Experts)
            from copy in placement.GetReplicas(layer, expert).ToArray()[1..]
            select (layer, copy));
    }
}
