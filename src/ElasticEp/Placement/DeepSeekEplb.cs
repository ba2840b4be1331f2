namespace ElasticEp.Placement;

/// <summary>
/// DeepSeek's published balancer: it plans from the load alone, without regard to what is where already, and so moves nearly everything.
/// The order of the ranks decides which of them share a node: the first ranks ÷ nodes are the first node.
/// </summary>
/// <remarks>It places Experts + RedundantExperts copies, as many on each rank. Without load all experts count the same.</remarks>
public sealed class DeepSeekEplb : IPlacementPolicy
{
    private readonly int _groups;
    private readonly int _nodes;

    /// <summary>Creates the policy. One group and one node are its global form; more are the hierarchical form for group-limited routing.</summary>
    /// <param name="groups">Groups of experts; must divide the experts. When the nodes do not divide the groups, the global form is used, as published.</param>
    /// <param name="nodes">Nodes; must divide the ranks.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is below 1.</exception>
    public DeepSeekEplb(int groups = 1, int nodes = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(groups, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(nodes, 1);
        (_groups, _nodes) = (groups, nodes);
    }

    /// <summary>"DeepSeekEplb".</summary>
    public string Name => "DeepSeekEplb";

    /// <inheritdoc/>
    public ExpertPlacement Plan(PlacementRequest request)
    {
        RequestCheck.Check(request);
        var ranks = request.Ranks.Count;
        CheckSlots(request, ranks, (long)request.Experts + request.RedundantExperts);
        var total = request.Experts + request.RedundantExperts;
        var load = request.Load;
        if (load.IsEmpty)
        {
            var equal = new float[request.Layers * request.Experts];
            Array.Fill(equal, 1);
            load = equal;
        }

        var mapping = EplbAlgorithm.Plan(load.Span, request.Layers, total, _groups, _nodes, ranks).PhysicalToLogical;
        var perRank = total / ranks;
        var slots = new int[request.Layers][][];
        for (var layer = 0; layer < slots.Length; layer++)
        {
            slots[layer] = new int[ranks][];
            for (var index = 0; index < ranks; index++)
            {
                var row = slots[layer][index] = new int[request.Ranks[index].Slots];
                Array.Fill(row, -1);
                mapping.AsSpan((layer * total) + (index * perRank), perRank).CopyTo(row);
            }
        }

        return new ExpertPlacement(request.Experts, [.. request.Ranks.Select(rank => rank.Rank)], slots);
    }

    private static void CheckSlots(PlacementRequest request, int ranks, long total)
    {
        if (total % ranks != 0)
        {
            throw RequestCheck.Invalid(
                $"DeepSeekEplb needs as many copies on every rank; {request.Experts} experts and {request.RedundantExperts} redundant ones do not divide over {ranks} ranks. {request.RedundantExperts + ranks - (total % ranks)} redundant experts would.");
        }

        foreach (var rank in request.Ranks)
        {
            if (rank.Slots < total / ranks)
                throw RequestCheck.Impossible($"DeepSeekEplb puts {total / ranks} copies on every rank; rank {rank.Rank} has {rank.Slots} slots. Raise SlotsPerRank, or lower RedundantExperts.");
        }
    }
}
