namespace ElasticEp.Placement;

/// <summary>Asks a policy and makes a plan of its answer.</summary>
internal static class PlacementPlanner
{
    /// <summary>Checks the request, asks the policy, checks its answer, and plans the way there.</summary>
    /// <exception cref="ElasticEpException">
    /// The request is wrong, the ranks cannot hold every expert, the policy's answer cannot be used, or no order of transfers leads to it
    /// with the buffers there are; the message names the numbers.
    /// </exception>
    public static PlacementPlan Plan(IPlacementPolicy policy, PlacementRequest request)
    {
        RequestCheck.Check(request);
        var placement = policy.Plan(request);
        RequestCheck.CheckAnswer(policy, request, placement);
        var stage = new PlacementStage(placement, TransferPlanner.Plan(request.Current, placement));
        return new PlacementPlan([stage], LowerBound(request, placement), request.ExpertBytes);
    }

    private static int LowerBound(PlacementRequest request, ExpertPlacement placement)
    {
        var bound = 0;
        var seen = new int[request.Experts]; // stamps, so that it need not be cleared
        var held = new bool[request.Experts];
        var stamp = 0;
        for (var layer = 0; layer < request.Layers; layer++)
        {
            var (placed, present) = (0, 0);
            Array.Clear(held);
            foreach (var rank in request.Ranks)
            {
                placed += Distinct(placement.GetSlots(layer, rank.Rank), seen, ++stamp, null);
                if (request.Current.Layers != 0)
                    present += Math.Min(rank.Slots, Distinct(request.Current.GetSlots(layer, rank.Rank), seen, ++stamp, held));
            }

            bound += Math.Max(held.AsSpan().Count(false), placed - present);
        }

        return bound;
    }

    private static int Distinct(ReadOnlySpan<int> slots, int[] seen, int stamp, bool[]? held)
    {
        var count = 0;
        foreach (var expert in slots)
        {
            if (expert < 0 || seen[expert] == stamp)
                continue;
            seen[expert] = stamp;
            count++;
            if (held is not null)
                held[expert] = true;
        }

        return count;
    }
}
