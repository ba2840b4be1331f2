using System.Collections.Concurrent;

namespace ElasticEp.Placement;

/// <summary>
/// The default policy: as balanced as the best, with as few moves as possible. What is held stays; missing experts and extra replicas go
/// where the load is least; then each layer exchanges single experts until no rank is loaded much above the mean, and is laid out anew
/// only where that does not suffice. A movement budget is spent where it gains the most balancedness; in a large layer a new layout gets what is
/// left of it only.
/// </summary>
/// <remarks>
/// Every expert is present, no rank holds one twice, and with ToleratedLosses f every expert has f + 1 copies on different ranks (as many
/// as all can have, when the slots do not suffice). Experts + RedundantExperts copies are placed, more when f + 1 of each need it, as
/// evenly as the slots allow. The copies of each expert are on as many nodes as the numbers of copies and the even seats allow, also when
/// the placement in use had them on fewer: a node with one rank of many does not get a copy of everything, which would make it the slowest.
/// Without load nothing moves that need not.
/// </remarks>
/// <param name="threads">Most threads that plan layers beside each other, which does not change the result; null for as many as pay.</param>
/// <param name="stages">What may be left out, for a benchmark.</param>
internal sealed class MinimalMove(int? threads = null, MinimalMoveStages stages = MinimalMoveStages.All) : IPlacementPolicy
{
    public string Name => "MinimalMove";

    /// <inheritdoc/>
    public ExpertPlacement Plan(PlacementRequest request)
    {
        RequestCheck.Check(request);
        var most = threads ?? LayerThreads.For(request);
        var slots = new int[request.Layers][][];
        var budget = request.MovementBudget is { } bytes ? bytes / Math.Max(1, request.ExpertBytes) : long.MaxValue;
        if (request.Load.IsEmpty || budget is 0 or long.MaxValue)
        {
            LayerThreads.Run(slots.Length, most, () => new LayerPlanner(request, stages), (layer, planner) => slots[layer] = planner.Plan(layer, budget == 0 ? 0 : int.MaxValue));
        }
        else
        {
            PlanWithin(budget, request, most, slots);
        }

        return new ExpertPlacement(request.Experts, [.. request.Ranks.Select(rank => rank.Rank)], slots);
    }

    private void PlanWithin(long budget, PlacementRequest request, int most, int[][][] slots)
    {
        var planners = new ConcurrentBag<LayerPlanner>(); // of both passes: a planner of a large layer is large
        LayerPlanner Planner() => planners.TryTake(out var free) ? free : new LayerPlanner(request, stages);
        var limit = LayerThreads.IsLarge(request) ? LayerPlanner.SingleSteps : int.MaxValue; // what a budget cannot pay takes a large layer long to find
        var paths = new List<PathPoint>[slots.Length];
        var hasStalled = new bool[slots.Length];
        LayerThreads.Run(slots.Length, most, () => 0, (layer, _) =>
        {
            var planner = Planner();
            slots[layer] = planner.Plan(layer, limit, paths[layer] = []);
            hasStalled[layer] = limit == LayerPlanner.SingleSteps && planner.HasStalled;
            planners.Add(planner);
        });
        var split = new BudgetSplit();
        foreach (var path in paths)
            split.Add(path);
        var (steps, left, suffices) = split.Spend(budget);
        var others = new (int[][] Slots, PathPoint Point)?[slots.Length];
        LayerThreads.Run(slots.Length, most, () => 0, (layer, _) =>
        {
            if (steps[layer] == paths[layer][^1].Steps && !(suffices && hasStalled[layer]))
                return;
            var planner = Planner();
            if (steps[layer] != paths[layer][^1].Steps)
                slots[layer] = planner.Plan(layer, steps[layer]);
            if (suffices && hasStalled[layer])
                others[layer] = PlanAnew(planner, layer);
            planners.Add(planner);
        });
        var changes = Enumerable.Range(0, slots.Length).Where(layer => others[layer] is not null).Select(layer =>
            (layer, paths[layer].First(point => point.Steps == steps[layer]), others[layer]!.Value.Point));
        foreach (var layer in BudgetSplit.Afford(changes, left))
            slots[layer] = others[layer]!.Value.Slots;
    }

    /// <summary>What the layer would be without a limit, if that is not where single steps lead.</summary>
    private static (int[][] Slots, PathPoint Point)? PlanAnew(LayerPlanner planner, int layer)
    {
        var path = new List<PathPoint>();
        var slots = planner.Plan(layer, int.MaxValue, path);
        return path[^1].Steps == int.MaxValue ? (slots, path[^1]) : null;
    }
}
