namespace ElasticEp.Placement;

/// <summary>Turns two placements into the copies that lead from one to the other: who sends what, and in which order.</summary>
internal static class TransferPlanner
{
    /// <summary>
    /// One transfer for each expert that a rank holds in <paramref name="next"/> and not in <paramref name="current"/>. The senders
    /// of experts with several holders are chosen so that all send about the same number; at equal numbers one on the receiver's node.
    /// </summary>
    /// <param name="current">The placement in use.</param>
    /// <param name="next">The placement to come.</param>
    /// <param name="nodeOf">Node of each rank, where known.</param>
    public static List<ExpertTransfer> Plan(ExpertPlacement current, ExpertPlacement next, IReadOnlyDictionary<int, string> nodeOf)
    {
        var transfers = Needed(current, next);
        var sent = new Dictionary<int, int>();
        foreach (var index in Enumerable.Range(0, transfers.Count).OrderBy(index => Holders(current, transfers[index]).Length))
        {
            var source = -1;
            foreach (var holder in Holders(current, transfers[index]))
            {
                if (source < 0 || IsBetter(holder.Rank, source, transfers[index].Destination, sent, nodeOf))
                    source = holder.Rank;
            }

            sent[source] = sent.GetValueOrDefault(source) + 1;
            transfers[index] = transfers[index] with { Source = source };
        }

        while (Relieve(current, transfers, sent))
        {
        }

        return TransferRounds.Order(transfers);
    }

    private static bool IsBetter(int rank, int than, int destination, Dictionary<int, int> sent, IReadOnlyDictionary<int, string> nodeOf)
    {
        var (mine, theirs) = (sent.GetValueOrDefault(rank), sent.GetValueOrDefault(than));
        return mine < theirs || (mine == theirs && IsNear(rank, destination, nodeOf) && !IsNear(than, destination, nodeOf));
    }

    private static bool IsNear(int rank, int other, IReadOnlyDictionary<int, string> nodeOf) =>
        nodeOf.TryGetValue(rank, out var node) && nodeOf.TryGetValue(other, out var otherNode) && node == otherNode;

    /// <summary>Later choices may have burdened a sender whose earlier ones another holder can take over.</summary>
    private static bool Relieve(ExpertPlacement current, List<ExpertTransfer> transfers, Dictionary<int, int> sent)
    {
        var hasChanged = false;
        for (var index = 0; index < transfers.Count; index++)
        {
            var source = transfers[index].Source;
            foreach (var holder in Holders(current, transfers[index]))
            {
                if (sent.GetValueOrDefault(holder.Rank) + 1 >= sent[source])
                    continue;
                sent[source]--;
                source = holder.Rank;
                sent[source] = sent.GetValueOrDefault(source) + 1;
                hasChanged = true;
            }

            transfers[index] = transfers[index] with { Source = source };
        }

        return hasChanged;
    }

    private static List<ExpertTransfer> Needed(ExpertPlacement current, ExpertPlacement next)
    {
        var needed = new List<ExpertTransfer>();
        var seen = new HashSet<int>();
        for (var layer = 0; layer < next.Layers; layer++)
        {
            foreach (var rank in next.Ranks)
            {
                seen.Clear();
                var held = current.Layers == 0 ? [] : current.GetSlots(layer, rank);
                var slots = next.GetSlots(layer, rank);
                for (var slot = 0; slot < slots.Length; slot++)
                {
                    if (slots[slot] >= 0 && !held.Contains(slots[slot]) && seen.Add(slots[slot]))
                        needed.Add(new ExpertTransfer(layer, slots[slot], -1, rank, slot));
                }
            }
        }

        return needed;
    }

    private static ReadOnlySpan<ExpertReplica> Holders(ExpertPlacement current, ExpertTransfer transfer) =>
        current.Layers == 0 ? [] : current.GetReplicas(transfer.Layer, transfer.Expert);
}
