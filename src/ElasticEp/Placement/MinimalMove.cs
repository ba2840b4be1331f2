namespace ElasticEp.Placement;

/// <summary>
/// The default policy: as balanced as the best, with as few moves as possible. What is held stays; missing experts and extra replicas go
/// where the load is least; then each layer exchanges single experts until no rank is loaded much above the mean, and is laid out anew
/// only where that does not suffice. A movement budget is spent where it gains the most balancedness.
/// </summary>
/// <remarks>
/// Every expert is present, no rank holds one twice, and with ToleratedLosses f every expert has f + 1 copies on different ranks (as many
/// as all can have, when the slots do not suffice). Experts + RedundantExperts copies are placed, more when f + 1 of each need it, as
/// evenly as the slots allow. The copies of each expert are on as many nodes as the numbers of copies and the even seats allow, also when
/// the placement in use had them on fewer: a node with one rank of many does not get a copy of everything, which would make it the slowest.
/// Without load nothing moves that need not.
/// </remarks>
internal sealed class MinimalMove : IPlacementPolicy
{
    public string Name => "MinimalMove";

    /// <inheritdoc/>
    public ExpertPlacement Plan(PlacementRequest request)
    {
        RequestCheck.Check(request);
        var planner = new LayerPlanner(request);
        var slots = new int[request.Layers][][];
        var budget = request.MovementBudget is { } bytes ? bytes / Math.Max(1, request.ExpertBytes) : long.MaxValue;
        if (request.Load.IsEmpty || budget is 0 or long.MaxValue)
        {
            for (var layer = 0; layer < slots.Length; layer++)
                slots[layer] = planner.Plan(layer, budget == 0 ? 0 : int.MaxValue);
        }
        else
        {
            PlanWithin(budget, planner, slots);
        }

        return new ExpertPlacement(request.Experts, [.. request.Ranks.Select(rank => rank.Rank)], slots);
    }

    private static void PlanWithin(long budget, LayerPlanner planner, int[][][] slots)
    {
        var split = new BudgetSplit();
        var path = new List<PathPoint>();
        var all = new int[slots.Length];
        for (var layer = 0; layer < slots.Length; layer++)
        {
            path.Clear();
            slots[layer] = planner.Plan(layer, int.MaxValue, path);
            split.Add(path);
            all[layer] = path[^1].Steps;
        }

        var steps = split.Spend(budget);
        for (var layer = 0; layer < slots.Length; layer++)
        {
            if (steps[layer] != all[layer])
                slots[layer] = planner.Plan(layer, steps[layer]);
        }
    }
}
