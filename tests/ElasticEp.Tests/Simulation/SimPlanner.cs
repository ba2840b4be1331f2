using ElasticEp.Placement;

namespace ElasticEp.Tests.Simulation;

/// <summary>The simplest placements that keep every expert on two ranks, so that losing one keeps coverage.</summary>
internal static class SimPlanner
{
    public const int Experts = 4;

    /// <summary>The plan of one view; with <paramref name="random"/> perhaps some views more, before and after the members change.</summary>
    public static PlacementPlan Plan(GroupView current, IReadOnlyList<int> target, SimRandom? random = null)
    {
        if (target.Count == 0)
            return new PlacementPlan(ExpertPlacement.Empty, [], 0);
        var before = current.Placement;
        var stages = new List<PlacementStage>();
        var isStaged = random is not null && !current.Members.IsEmpty && random.Chance(0.5);
        for (var count = isStaged ? random!.Below(3) : 0; count > 0; count--)
            Add([.. current.Members.Select(member => member.Rank)], random!.Below(Experts));
        Add(target, random?.Below(Experts) ?? 0);
        for (var count = isStaged ? random!.Below(2) : 0; count > 0; count--)
            Add(target, random!.Below(Experts));
        return new PlacementPlan(stages, 1, 1);

        void Add(IReadOnlyList<int> ranks, int turn)
        {
            var next = Place(ranks, turn);
            stages.Add(new PlacementStage(next, TransferPlanner.Plan(before, next)));
            before = next;
        }
    }

    private static ExpertPlacement Place(IReadOnlyList<int> ranks, int turn)
    {
        var slots = new List<int>[ranks.Count];
        for (var i = 0; i < slots.Length; i++)
            slots[i] = [];
        for (var expert = 0; expert < Experts; expert++)
        {
            slots[(expert + turn) % slots.Length].Add(expert);
            if (slots.Length > 1)
                slots[(expert + turn + 1) % slots.Length].Add(expert);
        }

        return new ExpertPlacement(Experts, ranks, [slots]);
    }
}
