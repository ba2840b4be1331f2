namespace ElasticEp.Placement;

/// <summary>
/// The plain policy. Experts stay in their slots on ranks that stay; the experts of leavers, and what makes the number of experts
/// per rank uneven, go from the fullest ranks to the emptiest; the extra replicas go to the hottest experts. Nothing else moves.
/// </summary>
internal sealed class KeepAndFill : IPlacementPolicy
{
    public string Name => "KeepAndFill";

    /// <inheritdoc/>
    public ExpertPlacement Plan(PlacementRequest request)
    {
        RequestCheck.Check(request);
        var total = Math.Min((long)request.Experts + request.RedundantExperts, request.Ranks.Sum(rank => (long)Math.Min(rank.Slots, request.Experts)));
        var isBirth = request.Current.Layers == 0;
        var slots = new int[request.Layers][][];
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
        }

        return new ExpertPlacement(request.Experts, [.. request.Ranks.Select(rank => rank.Rank)], slots);
    }
}
