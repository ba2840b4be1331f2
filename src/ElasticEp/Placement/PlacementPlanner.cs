namespace ElasticEp.Placement;

/// <summary>Asks a policy and makes a plan of its answer.</summary>
internal static class PlacementPlanner
{
    /// <summary>Checks the request, asks the policy, checks its answer, and plans the way there.</summary>
    /// <param name="policy">Says where experts go.</param>
    /// <param name="request">What it is asked.</param>
    /// <param name="held">
    /// The placement in use with what joiners hold already, for the policy to leave where it is. The way there relies on nothing of it: every expert
    /// of a joiner has a source, and the joiner fetches what it lacks.
    /// </param>
    /// <param name="threads">Most threads, which do not change the result; null for as many as pay.</param>
    /// <exception cref="ElasticEpException">
    /// The request is wrong, the ranks cannot hold every expert, the policy's answer cannot be used, or no order of transfers leads to it
    /// with the buffers there are; the message names the numbers.
    /// </exception>
    public static PlacementPlan Plan(IPlacementPolicy policy, PlacementRequest request, ExpertPlacement? held = null, int? threads = null)
    {
        var asked = held is null ? request : request.WithCurrent(held);
        RequestCheck.Check(asked);
        var placement = policy.Plan(asked);
        RequestCheck.CheckAnswer(policy, asked, placement);
        return new PlacementPlan(Stages(request, placement, threads ?? LayerThreads.For(request)), LowerBound(asked, placement), request.ExpertBytes);
    }

    private static List<PlacementStage> Stages(PlacementRequest request, ExpertPlacement placement, int threads)
    {
        var nodeOf = request.Ranks.Where(rank => rank.Node is not null).ToDictionary(rank => rank.Rank, rank => rank.Node!);
        var stages = new List<PlacementStage>();
        var inForce = request.Current;
        foreach (var next in StagePlanner.Plan(request, placement, threads))
        {
            stages.Add(new PlacementStage(next, TransferPlanner.Plan(inForce, next, nodeOf)));
            inForce = next;
        }

        return stages;
    }

    private static int LowerBound(PlacementRequest request, ExpertPlacement placement)
    {
        var bound = 0;
        var seen = new int[request.Experts]; // stamps, so that it need not be cleared
        var held = new bool[request.Experts];
        var stamp = 0;
        for (var layer = 0; layer < request.Layers; layer++)
        {
            var lacking = 0;
            Array.Clear(held);
            foreach (var rank in request.Ranks)
            {
                var present = request.Current.Layers == 0 ? 0 : Distinct(request.Current.GetSlots(layer, rank.Rank), seen, ++stamp, held);
                lacking += Math.Max(0, Distinct(placement.GetSlots(layer, rank.Rank), seen, ++stamp, null) - present);
            }

            bound += Math.Max(held.AsSpan().Count(false), lacking);
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
