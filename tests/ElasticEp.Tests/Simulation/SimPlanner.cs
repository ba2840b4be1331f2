using System.Collections.ObjectModel;
using ElasticEp.Placement;

namespace ElasticEp.Tests.Simulation;

/// <summary>The simplest placements that keep every expert on two ranks, so that losing one keeps coverage, or on more.</summary>
internal static class SimPlanner
{
    public const int Experts = 4;

    /// <summary>
    /// The plan of one view; with <paramref name="random"/> perhaps some views more, before and after the members change. With <paramref name="passive"/>
    /// some copies of it are passive.
    /// </summary>
    public static PlacementPlan Plan(GroupView current, IReadOnlyList<int> target, SimRandom? random = null, int copies = 2, SimRandom? passive = null)
    {
        if (target.Count == 0)
            return new PlacementPlan(ExpertPlacement.Empty, [], 0);
        IReadOnlyList<int> present = [.. current.Members.Select(member => member.Rank)];
        var isStaged = random is not null && present.Count > 0 && random.Chance(0.5);
        var (before, after) = isStaged ? (random!.Below(3), random.Below(2)) : (0, 0);
        var ranks = Enumerable.Repeat(present, before).Concat(Enumerable.Repeat(target, 1 + after));
        return Plan(current, copies, [.. ranks.Select(stage => (stage, random?.Below(Experts) ?? 0))], passive);
    }

    /// <summary>A plan of these views, each with its ranks and how far the experts are turned.</summary>
    public static PlacementPlan Plan(GroupView current, params (IReadOnlyList<int> Ranks, int Turn)[] stages) => Plan(current, 2, stages, null);

    private static PlacementPlan Plan(GroupView current, int copies, (IReadOnlyList<int> Ranks, int Turn)[] stages, SimRandom? passive)
    {
        var before = current.Placement;
        var views = new List<PlacementStage>();
        foreach (var (ranks, turn) in stages)
        {
            var next = WithPassive(Place(ranks, turn, copies), passive);
            views.Add(new PlacementStage(next, TransferPlanner.Plan(before, next, ReadOnlyDictionary<int, string>.Empty)));
            before = next;
        }

        return new PlacementPlan(views, 1, 1);
    }

    private static ExpertPlacement Place(IReadOnlyList<int> ranks, int turn, int copies)
    {
        var slots = new List<int>[ranks.Count];
        for (var i = 0; i < slots.Length; i++)
            slots[i] = [];
        for (var expert = 0; expert < Experts; expert++)
        {
            for (var copy = 0; copy < Math.Min(copies, slots.Length); copy++)
                slots[(expert + turn + copy) % slots.Length].Add(expert);
        }

        return new ExpertPlacement(Experts, ranks, [slots]);
    }

    /// <summary>Of each expert one copy is active at least, mostly not all.</summary>
    private static ExpertPlacement WithPassive(ExpertPlacement placement, SimRandom? random)
    {
        if (random is null)
            return placement;
        var passive = new List<(int, ExpertReplica)>();
        for (var expert = 0; expert < Experts; expert++)
        {
            var copies = placement.GetReplicas(0, expert).ToArray();
            var active = random.Below(copies.Length);
            passive.AddRange(copies.Where((_, copy) => copy != active && random.Chance(0.7)).Select(copy => (0, copy)));
        }

        return placement.WithPassive(passive);
    }
}
