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
    /// <value>0 by default. What the ranks have no slots for is not placed.</value>
    public int RedundantExperts { get; init; }

    /// <summary>Tokens routed to each expert over the last window, <c>[layers × experts]</c> row-major; empty when unknown.</summary>
    public ReadOnlyMemory<float> Load { get; init; }

    /// <summary>How many ranks may be lost at once without losing the last copy of an expert.</summary>
    /// <value>0 by default. With f, every expert gets f + 1 copies on different ranks as far as slots and ranks allow it.</value>
    public int ToleratedLosses { get; init; }

    /// <summary>Bytes of one expert of one layer.</summary>
    /// <value>0 by default: unknown; a budget then counts experts.</value>
    public long ExpertBytes { get; init; }

    /// <summary>
    /// Bytes that may be copied for balance, beyond what it takes that every expert is present, copies survive losses and are spread over
    /// nodes, and the wanted replicas exist.
    /// </summary>
    /// <value>Null by default: no limit, balance first. 0: only what must be copied.</value>
    public long? MovementBudget { get; init; }

    /// <summary>The same request with another placement in use.</summary>
    internal PlacementRequest WithCurrent(ExpertPlacement current) => new()
    {
        Layers = Layers,
        Experts = Experts,
        Ranks = Ranks,
        Current = current,
        RedundantExperts = RedundantExperts,
        Load = Load,
        ToleratedLosses = ToleratedLosses,
        ExpertBytes = ExpertBytes,
        MovementBudget = MovementBudget,
    };
}
