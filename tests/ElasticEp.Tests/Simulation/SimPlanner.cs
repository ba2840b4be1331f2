using ElasticEp.Placement;

namespace ElasticEp.Tests.Simulation;

/// <summary>The simplest policy that keeps every expert on two ranks, so that losing one keeps coverage.</summary>
internal static class SimPlanner
{
    public const int Experts = 4;

    public static PlacementPlan Plan(GroupView current, IReadOnlyList<int> target)
    {
        if (target.Count == 0)
            return new PlacementPlan(ExpertPlacement.Empty, [], 0);
        var slots = new List<int>[target.Count];
        for (var i = 0; i < slots.Length; i++)
            slots[i] = [];
        for (var expert = 0; expert < Experts; expert++)
        {
            slots[expert % slots.Length].Add(expert);
            if (slots.Length > 1)
                slots[(expert + 1) % slots.Length].Add(expert);
        }

        var transfers = new List<ExpertTransfer>();
        for (var i = 0; i < slots.Length; i++)
        {
            for (var slot = 0; slot < slots[i].Count; slot++)
                transfers.Add(new ExpertTransfer(0, slots[i][slot], current.Members.IsEmpty ? -1 : current.Members[0].Rank, target[i], slot));
        }

        return new PlacementPlan(new ExpertPlacement(Experts, target, [slots]), transfers, 1);
    }
}
