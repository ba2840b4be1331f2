namespace ElasticEp.Placement;

/// <summary>
/// The plain policy. Experts stay in their slots on ranks that stay; the experts of leavers, and what makes the number of experts
/// per rank uneven, go from the fullest ranks to the emptiest; the extra replicas go to the hottest experts. Nothing else moves.
/// </summary>
internal sealed class KeepAndFill : IPlacementPolicy
{
    public string Name => "KeepAndFill";

    /// <inheritdoc/>
    public PlacementPlan Plan(PlacementRequest request)
    {
        Check(request);
        var total = Math.Min((long)request.Experts + request.RedundantExperts, request.Ranks.Sum(rank => (long)Math.Min(rank.Slots, request.Experts)));
        var isBirth = request.Current.Layers == 0;
        var slots = new int[request.Layers][][];
        var lowerBound = 0;
        for (var layer = 0; layer < request.Layers; layer++)
        {
            var fill = new LayerFill(request, layer);
            var load = request.Load.IsEmpty ? default : request.Load.Span.Slice(layer * request.Experts, request.Experts);
            var wanted = ReplicaCounts.Wanted((int)total, request.Ranks.Count, fill.KeptCopies, load);
            if (isBirth)
                fill.FillContiguously(wanted);
            else
                fill.Fill(wanted);
            slots[layer] = fill.Slots;
            lowerBound += LowerBound(request, fill);
        }

        var placement = new ExpertPlacement(request.Experts, [.. request.Ranks.Select(rank => rank.Rank)], slots);
        return new PlacementPlan(placement, TransferPlanner.Plan(request.Current, placement), lowerBound);
    }

    /// <summary>
    /// Per layer, max(m, n − k): m experts have no copy on a rank of the new view, and each takes a transfer; n copies are placed, and
    /// at most k of them (what each rank holds already, up to its slots) are there without one. It says nothing of evenness:
    /// a new rank costs nothing unless the others lack the slots.
    /// </summary>
    private static int LowerBound(PlacementRequest request, LayerFill fill)
    {
        var missing = fill.KeptCopies.Count(copies => copies == 0);
        var present = request.Ranks.Select((rank, index) => Math.Min(rank.Slots, fill.Kept[index])).Sum();
        return Math.Max(missing, fill.Total - present);
    }

    private static void Check(PlacementRequest request)
    {
        var current = request.Current;
        if (current.Layers != 0 && (current.Layers != request.Layers || current.Experts != request.Experts))
            throw Invalid($"The current placement has {current.Layers} layers of {current.Experts} experts; the request has {request.Layers} of {request.Experts}.");
        if (!request.Load.IsEmpty && request.Load.Length != request.Layers * request.Experts)
            throw Invalid($"The load has {request.Load.Length} values; {request.Layers} layers of {request.Experts} experts need {request.Layers * request.Experts}.");
        if (request.RedundantExperts < 0 || request.Ranks.Any(rank => rank.Slots < 0 || rank.SpareExperts < 0))
            throw Invalid("RedundantExperts, slots and spare experts must not be negative.");
        var slots = request.Ranks.Sum(rank => (long)Math.Min(rank.Slots, request.Experts));
        if (slots >= request.Experts)
            return;
        var perRank = request.Ranks.Count == 0 ? 0 : request.Ranks.Max(rank => rank.Slots);
        var smallest = perRank == 0 ? "no size works without slots" : $"the smallest size that works is {(request.Experts + perRank - 1) / perRank} ranks of {perRank} slots";
        throw new ElasticEpException(
            ElasticEpErrorCode.ImpossibleGroup,
            $"{request.Ranks.Count} ranks with {slots} slots cannot hold the {request.Experts} experts of each of {request.Layers} layers (layer 0 is the first that does not fit); {smallest}, or raise SlotsPerRank.");
    }

    private static ElasticEpException Invalid(string message) => new(ElasticEpErrorCode.InvalidArgument, message);
}
