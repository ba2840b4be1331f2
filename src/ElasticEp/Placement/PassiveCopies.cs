namespace ElasticEp.Placement;

/// <summary>Which copies are passive in a placement that is made of others: of what is left after a loss, or of an intermediate view. Pure.</summary>
internal static class PassiveCopies
{
    /// <summary>
    /// A copy is as in the first of the sources that has this expert on this rank, and active when none has. An expert that would be left
    /// without an active copy gets one.
    /// <para>
    /// One, and not all that are left: at decode every rank that computes any row of an expert reads all its weights, so each further active
    /// copy costs time in every step, and until copies are placed anew one is all that the expert needs. It is the one on the rank with the
    /// fewest active copies in the layer, so that the survivors share what a loss activates; of those alike the lowest rank, then slot. So it
    /// is the same wherever it is decided.
    /// </para>
    /// </summary>
    /// <param name="placement">What is where.</param>
    /// <param name="sources">Placements with as many layers, or none.</param>
    public static ExpertPlacement CarryOver(ExpertPlacement placement, params ReadOnlySpan<ExpertPlacement> sources)
    {
        var isAny = false;
        foreach (var source in sources)
            isAny |= source.HasPassive;
        if (!isAny)
            return placement;
        var passive = new bool[placement.Layers][][];
        for (var layer = 0; layer < passive.Length; layer++)
            passive[layer] = OfLayer(placement, layer, sources);
        return placement.WithPassiveSlots(passive);
    }

    private static bool[][] OfLayer(ExpertPlacement placement, int layer, ReadOnlySpan<ExpertPlacement> sources)
    {
        var passive = new bool[placement.Ranks.Length][];
        var active = new int[passive.Length]; // copies of each rank
        for (var index = 0; index < passive.Length; index++)
        {
            var slots = placement.GetSlots(layer, placement.Ranks[index]);
            passive[index] = new bool[slots.Length];
            for (var slot = 0; slot < slots.Length; slot++)
            {
                if (slots[slot] < 0)
                    continue;
                passive[index][slot] = IsPassive(layer, slots[slot], new ExpertReplica(placement.Ranks[index], slot), sources);
                active[index] += passive[index][slot] ? 0 : 1;
            }
        }

        for (var expert = 0; expert < placement.Experts; expert++)
            KeepOneActive(placement.GetReplicas(layer, expert), placement.Ranks, passive, active);
        return passive;
    }

    private static bool IsPassive(int layer, int expert, ExpertReplica copy, ReadOnlySpan<ExpertPlacement> sources)
    {
        foreach (var source in sources)
        {
            var slots = source.Layers == 0 ? [] : source.GetSlots(layer, copy.Rank);
            if (copy.Slot < slots.Length && slots[copy.Slot] == expert)
                return !source.IsActive(layer, copy.Rank, copy.Slot);
            // It may have been in another slot of the rank, and in several.
            var isThere = false;
            for (var slot = 0; slot < slots.Length; slot++)
            {
                if (slots[slot] == expert && source.IsActive(layer, copy.Rank, slot))
                    return false;
                isThere |= slots[slot] == expert;
            }

            if (isThere)
                return true;
        }

        return false;
    }

    private static void KeepOneActive(ReadOnlySpan<ExpertReplica> copies, ReadOnlySpan<int> ranks, bool[][] passive, int[] active)
    {
        var (best, slot) = (-1, 0);
        foreach (var copy in copies)
        {
            var index = ranks.BinarySearch(copy.Rank);
            if (!passive[index][copy.Slot])
                return;
            if (best < 0 || active[index] < active[best])
                (best, slot) = (index, copy.Slot);
        }

        if (best < 0)
            return; // it has no copy at all
        passive[best][slot] = false;
        active[best]++;
    }
}
