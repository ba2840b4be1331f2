namespace ElasticEp.Placement;

/// <summary>The answer of a placement policy.</summary>
/// <param name="Placement">The new placement.</param>
/// <param name="Transfers">What must be copied before it can be used, in the order in which to do it.</param>
/// <param name="LowerBound">Fewest transfers that any placement of these experts on these ranks needs.</param>
public sealed record PlacementPlan(ExpertPlacement Placement, IReadOnlyList<ExpertTransfer> Transfers, int LowerBound);
