namespace ElasticEp.Placement;

/// <summary>Decides where experts go. Pure: the same request gives the same plan on every machine.</summary>
public interface IPlacementPolicy
{
    /// <summary>Name by which options choose it.</summary>
    string Name { get; }

    /// <summary>Plans a placement.</summary>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.ImpossibleGroup"/> when the ranks cannot hold every expert; the message names the numbers.</exception>
    PlacementPlan Plan(PlacementRequest request);
}
