namespace ElasticEp.Placement;

/// <summary>Finds the successive placements that lead to a target, each valid by itself.</summary>
internal static class StagePlanner
{
    /// <param name="request">What the placements lead from.</param>
    /// <param name="target">What they lead to.</param>
    /// <param name="threads">Most threads; their number does not change the result.</param>
    /// <returns>
    /// The placements in order; the last is the target. Almost always it is the only one. In those before it a copy is passive if it will be, or
    /// if it is now and goes, as long as its expert has another that is active.
    /// </returns>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.ImpossibleGroup"/> when no order of transfers leads there.</exception>
    public static List<ExpertPlacement> Plan(PlacementRequest request, ExpertPlacement target, int threads)
    {
        var ranks = new StageRanks(request);
        var routes = new LayerRoute[request.Layers];
        LayerThreads.Run(routes.Length, threads, () => ranks, (layer, all) =>
        {
            var route = routes[layer] = new LayerRoute(all, request.Current, target, layer);
            route.Find();
        });

        var stages = new List<ExpertPlacement>();
        var before = routes.Max(route => route.Before.Count);
        for (var stage = 0; stage < before; stage++)
        {
            // A layer that needs fewer stages begins later, so that all change members together.
            var rows = routes.Select((route, layer) => stage - before + route.Before.Count is var own and >= 0
                ? Rows(route.Before[own], ranks, ranks.Old)
                : Rows(request.Current, layer));
            stages.Add(Between(ranks.Old, rows));
        }

        var after = routes.Max(route => route.After.Count);
        for (var stage = 0; stage < after; stage++)
        {
            var rows = routes.Select((route, layer) => stage < route.After.Count ? Rows(route.After[stage], ranks, ranks.New) : Rows(target, layer));
            stages.Add(Between(ranks.New, rows));
        }

        stages.Add(target);
        return stages;

        ExpertPlacement Between(int[] members, IEnumerable<int[][]> rows) =>
            PassiveCopies.CarryOver(new ExpertPlacement(request.Experts, members, [.. rows]), target, request.Current);
    }

    private static int[][] Rows(int[][] rows, StageRanks ranks, int[] members) => [.. members.Select(rank => rows[Array.BinarySearch(ranks.Ranks, rank)])];

    private static int[][] Rows(ExpertPlacement placement, int layer) => [.. placement.Ranks.ToArray().Select(rank => placement.GetSlots(layer, rank).ToArray())];
}
