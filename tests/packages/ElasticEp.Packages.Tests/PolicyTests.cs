using ElasticEp.Placement;
using ElasticEp.TestKit;

namespace ElasticEp.Packages.Tests;

public sealed class PolicyTests : PlacementConformance
{
    protected override IPlacementPolicy Create() => new RoundRobin();
}
