namespace ElasticEp.Placement;

/// <summary>
/// Orders transfers in rounds in which every rank sends to at most one other and receives from at most one, so that all links work at the
/// same time. Whoever has most left goes first: it decides when the last round is.
/// </summary>
internal sealed class TransferRounds
{
    private readonly SortedDictionary<int, SortedDictionary<int, Queue<ExpertTransfer>>> _bySender = []; // [receiver][sender]
    private readonly Dictionary<int, int> _toSend = [];
    private readonly Dictionary<int, int> _toReceive = [];

    private TransferRounds(List<ExpertTransfer> transfers)
    {
        foreach (var transfer in transfers)
        {
            if (!_bySender.TryGetValue(transfer.Destination, out var senders))
                _bySender[transfer.Destination] = senders = [];
            if (!senders.TryGetValue(transfer.Source, out var queue))
                senders[transfer.Source] = queue = new Queue<ExpertTransfer>();
            queue.Enqueue(transfer);
            _toSend[transfer.Source] = _toSend.GetValueOrDefault(transfer.Source) + 1;
            _toReceive[transfer.Destination] = _toReceive.GetValueOrDefault(transfer.Destination) + 1;
        }
    }

    /// <summary>The same transfers in the order in which to copy; those between the same two ranks stay in their order.</summary>
    public static List<ExpertTransfer> Order(List<ExpertTransfer> transfers)
    {
        var rounds = new TransferRounds(transfers);
        var ordered = new List<ExpertTransfer>(transfers.Count);
        var sending = new HashSet<int>();
        var receivers = rounds._bySender.Keys.ToList();
        while (ordered.Count < transfers.Count)
        {
            sending.Clear();
            receivers.Sort((a, b) => (-rounds._toReceive[a], a).CompareTo((-rounds._toReceive[b], b)));
            foreach (var receiver in receivers)
            {
                if (rounds.Take(receiver, sending) is { } transfer)
                    ordered.Add(transfer);
            }
        }

        return ordered;
    }

    private ExpertTransfer? Take(int receiver, HashSet<int> sending)
    {
        var sender = int.MinValue;
        foreach (var (candidate, queue) in _bySender[receiver])
        {
            if (queue.Count > 0 && !sending.Contains(candidate) && (sender == int.MinValue || _toSend[candidate] > _toSend[sender]))
                sender = candidate;
        }

        if (sender == int.MinValue)
            return null;
        if (sender >= 0)
            sending.Add(sender); // The workload's own source (−1) serves all at once.
        _toSend[sender]--;
        _toReceive[receiver]--;
        return _bySender[receiver][sender].Dequeue();
    }
}
