namespace ElasticEp.Placement;

/// <summary>Turns two placements into the copies that lead from one to the other: who sends what, and in which order.</summary>
internal static class TransferPlanner
{
    /// <summary>
    /// One transfer for each expert that a rank holds in <paramref name="next"/> and not in <paramref name="current"/>. The senders
    /// of experts with several holders are chosen so that all send about the same number.
    /// </summary>
    public static List<ExpertTransfer> Plan(ExpertPlacement current, ExpertPlacement next)
    {
        var needed = Needed(current, next);
        var sent = new Dictionary<int, int>();
        var planned = new List<ExpertTransfer>(needed.Count);
        foreach (var transfer in needed.OrderBy(transfer => Holders(current, transfer).Length))
        {
            var source = -1;
            foreach (var replica in Holders(current, transfer))
            {
                if (source < 0 || sent.GetValueOrDefault(replica.Rank) < sent.GetValueOrDefault(source))
                    source = replica.Rank;
            }

            sent[source] = sent.GetValueOrDefault(source) + 1;
            planned.Add(transfer with { Source = source });
        }

        return Interleave(planned);
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

    /// <summary>
    /// Always takes next from the pair of sender and receiver that has the least of its share done, so that no link waits while
    /// another one has everything; within a pair, layer by layer.
    /// </summary>
    private static List<ExpertTransfer> Interleave(List<ExpertTransfer> transfers)
    {
        var senders = transfers.GroupBy(transfer => transfer.Source).ToDictionary(group => group.Key, group => new Share(group.Count()));
        var receivers = transfers.GroupBy(transfer => transfer.Destination).ToDictionary(group => group.Key, group => new Share(group.Count()));
        var pairs = new PriorityQueue<Queue<ExpertTransfer>, (double, int, int)>();
        foreach (var pair in transfers.GroupBy(transfer => (transfer.Source, transfer.Destination)))
            pairs.Enqueue(new Queue<ExpertTransfer>(pair.OrderBy(transfer => transfer.Layer).ThenBy(transfer => transfer.Slot)), (0, pair.Key.Source, pair.Key.Destination));
        var ordered = new List<ExpertTransfer>(transfers.Count);
        while (pairs.TryDequeue(out var pair, out var priority))
        {
            var transfer = pair.Peek();
            var (sender, receiver) = (senders[transfer.Source], receivers[transfer.Destination]);
            var done = sender.Done + receiver.Done;
            if (done > priority.Item1)
            {
                pairs.Enqueue(pair, (done, transfer.Source, transfer.Destination)); // Others of its sender or receiver went meanwhile.
                continue;
            }

            ordered.Add(pair.Dequeue());
            sender.Add();
            receiver.Add();
            if (pair.Count > 0)
                pairs.Enqueue(pair, (sender.Done + receiver.Done, transfer.Source, transfer.Destination));
        }

        return ordered;
    }

    private sealed class Share(int total)
    {
        private int _done;

        public double Done => (double)_done / total;

        public void Add() => _done++;
    }
}
