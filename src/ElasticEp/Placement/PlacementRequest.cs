namespace ElasticEp.Placement;

/// <summary>What a placement policy is asked.</summary>
public sealed class PlacementRequest
{
    /// <summary>Number of MoE layers.</summary>
    public required int Layers { get; init; }

    /// <summary>Logical experts of each layer.</summary>
    public required int Experts { get; init; }

    /// <summary>The ranks of the new view, ascending.</summary>
    public required IReadOnlyList<RankCapacity> Ranks { get; init; }

    /// <summary>The placement in use; its ranks are alive and can be copied from, also those that leave. Empty at the birth of a group.</summary>
    public required ExpertPlacement Current { get; init; }

    /// <summary>Extra replicas wanted per layer.</summary>
    public int RedundantExperts { get; init; }

    /// <summary>Tokens routed to each expert over the last window, <c>[layers × experts]</c> row-major; empty when unknown.</summary>
    public ReadOnlyMemory<float> Load { get; init; }
}
