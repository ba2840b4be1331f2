using ElasticEp.Placement;

namespace ElasticEp.Tests.Simulation;

/// <summary>The invariants of active and passive copies.</summary>
internal sealed class SimReplicas(Simulation world)
{
    /// <summary>A view is durable that was not.</summary>
    public void Durable(GroupView old, GroupView next)
    {
        if (next.Placement.Layers == 0)
            return;
        for (var expert = 0; expert < SimPlanner.Experts; expert++)
            SimChecks.Require(!next.Placement.GetActiveReplicas(0, expert).IsEmpty, $"{next} has no active copy of expert {expert}");
        world.Coverage.PassiveViews += next.Placement.HasPassive ? 1 : 0;
        if (next.BeginsWithStart && old.Placement.Layers > 0)
            Recovered(old.Placement, next);
    }

    /// <summary>A rank sends its rows of a layer, one for each expert.</summary>
    public void Sent(SimRank rank, SimAttempt attempt)
    {
        var placement = attempt.View.Placement;
        for (var expert = 0; expert < SimPlanner.Experts; expert++)
        {
            var copies = world.Break.SendsToPassiveCopies ? placement.GetReplicas(0, expert) : placement.GetActiveReplicas(0, expert);
            var copy = ReplicaChoice.Choose(ReplicaChoice.Among(copies, attempt.View, rank.Rank), rank.Rank, (int)(attempt.Step % 7));
            SimChecks.Require(placement.GetSlots(0, copy.Rank)[copy.Slot] == expert, $"rank {rank.Rank} sends rows of expert {expert} to another one's slot");
            SimChecks.Require(IsActive(copy.Rank, copy.Slot), $"rank {rank.Rank} sends rows to a passive copy of expert {expert} on rank {copy.Rank}");
            var own = placement.GetSlots(0, rank.Rank).IndexOf(expert);
            SimChecks.Require(copy.Rank == rank.Rank || own < 0 || !IsActive(rank.Rank, own), $"rank {rank.Rank} sends rows of expert {expert} to rank {copy.Rank}, and holds it");
        }

        bool IsActive(int holder, int slot) => placement.IsActive(0, holder, slot);
    }

    /// <summary>A recovery leaves active what is, and makes active what must be.</summary>
    private void Recovered(ExpertPlacement old, GroupView next)
    {
        for (var expert = 0; expert < SimPlanner.Experts; expert++)
        {
            var copies = next.Placement.GetReplicas(0, expert).ToArray();
            var kept = copies.Where(copy => old.GetSlots(0, copy.Rank) is var slots && copy.Slot < slots.Length && slots[copy.Slot] == expert).ToArray();
            var wereActive = kept.Where(copy => old.IsActive(0, copy.Rank, copy.Slot)).ToArray();
            var nowActive = kept.Where(copy => next.Placement.IsActive(0, copy.Rank, copy.Slot)).ToArray();
            SimChecks.Require(
                wereActive.Length > 0 || kept.Length == 0 ? wereActive.SequenceEqual(nowActive) : nowActive.Length == 1,
                $"{next} has expert {expert} active on ranks {string.Join(' ', nowActive.Select(copy => copy.Rank))}, and before it was on ranks {string.Join(' ', wereActive.Select(copy => copy.Rank))}");
            world.Coverage.Activations += wereActive.Length < nowActive.Length ? 1 : 0;
        }
    }
}
