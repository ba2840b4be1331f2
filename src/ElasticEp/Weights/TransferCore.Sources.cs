namespace ElasticEp.Weights;

/// <summary>The part that knows sources: pacing, and what to do when one is lost or refuses.</summary>
internal sealed partial class TransferCore
{
    /// <summary>A source is gone: what it still owes is requested from another holder.</summary>
    public void OnPeerLost(MemberId source, TimeSpan now, List<TransferEffect> effects)
    {
        if (!IsRunning || !_lost.Add(source))
            return;
        var rest = new List<Transfer>();
        foreach (var transfer in _requested.Values.Where(transfer => transfer.Source == source).ToList())
        {
            Forget(transfer);
            if (transfer.Writing > 0)
                transfer.IsLost = true; // Memory that the transport may still write is nobody else's destination.
            else
                rest.Add(transfer.Rest());
        }

        if (_waiting.Remove(source, out var waiting))
            rest.AddRange(waiting);
        Reassign(rest, now, effects);
    }

    /// <summary>A request could not be sent, so its source is gone; one of an earlier run tells nothing of this one: the source may be back.</summary>
    public void OnNotRequested(MemberId source, long id, TimeSpan now, List<TransferEffect> effects)
    {
        if (_requested.ContainsKey(id))
            OnPeerLost(source, now, effects);
    }

    private void OnRefused(Transfer transfer, WeightRefusal reason, TimeSpan now, List<TransferEffect> effects)
    {
        if (transfer.Writing > 0)
            return; // Frames of a link come one after another, so this cannot be; the stall deadline would end it.
        Forget(transfer);
        transfer.Item.Refused.Add(transfer.Source);
        if (reason == WeightRefusal.NotHeld)
        {
            Reassign([transfer.Rest()], now, effects);
            return;
        }

        var code = reason == WeightRefusal.OtherManifest ? ElasticEpErrorCode.Incompatible : ElasticEpErrorCode.ProtocolViolation;
        var advice = reason == WeightRefusal.OtherManifest ? "register the same names and lengths in the same order on all ranks" : "run the same library version on all ranks";
        Fail(code, $"The source {transfer.Source} refused to send {transfer.Item.Need.Name} ({reason}); {advice}.", transfer.Source, effects);
    }

    private void Reassign(List<Transfer> rest, TimeSpan now, List<TransferEffect> effects)
    {
        foreach (var transfer in rest)
        {
            var item = transfer.Item;
            var others = item.Need.Holders.Where(holder => !_lost.Contains(holder) && !item.Refused.Contains(holder)).ToList();
            if (others.Count == 0)
            {
                FailWithoutHolder(item, effects);
                return;
            }

            transfer.Source = others.MinBy(Backlog);
            Enqueue(transfer);
        }

        Request(now, effects);
    }

    private void FailWithoutHolder(ItemProgress item, List<TransferEffect> effects)
    {
        var holders = item.Need.Holders;
        var lost = holders.Where(_lost.Contains).ToList();
        if (lost.Count > 0)
            Fail(ElasticEpErrorCode.PeerLost, $"The source {lost[^1]} was lost while it sent {item.Need.Name}, and no other of the ranks [{RanksOf(holders)}] can send it.", lost[^1], effects);
        else
            Fail(ElasticEpErrorCode.ExpertsLost, $"None of the ranks [{RanksOf(holders)}] holds {item.Need.Name} any more.", holders[^1], effects);
    }

    private long Backlog(MemberId source) =>
        _requested.Values.Where(transfer => transfer.Source == source).Sum(transfer => transfer.Length - transfer.Arrived)
        + (_waiting.TryGetValue(source, out var queue) ? queue.Sum(transfer => transfer.Length) : 0);

    private static string RanksOf(IEnumerable<MemberId> holders) => string.Join(' ', holders.Select(holder => holder.Rank));

    private void Enqueue(Transfer transfer)
    {
        if (!_waiting.TryGetValue(transfer.Source, out var queue))
            _waiting[transfer.Source] = queue = new Queue<Transfer>();
        queue.Enqueue(transfer);
    }

    private void Request(TimeSpan now, List<TransferEffect> effects)
    {
        foreach (var (source, queue) in _waiting)
        {
            while (_owed.GetValueOrDefault(source) < requestsPerSource && queue.TryDequeue(out var transfer))
            {
                if (_owed.GetValueOrDefault(source) == 0)
                    _progressed[source] = now;
                _owed[source] = _owed.GetValueOrDefault(source) + 1;
                transfer.Id = _nextId++;
                _requested.Add(transfer.Id, transfer);
                effects.Add(TransferEffect.Send(source, new WeightRequest
                {
                    TransferId = transfer.Id,
                    Item = transfer.Item.Need.Item,
                    Offset = transfer.Start,
                    Length = transfer.Length,
                    Manifest = manifest,
                }));
            }
        }
    }

    private void Forget(Transfer transfer)
    {
        _requested.Remove(transfer.Id);
        _owed[transfer.Source]--;
    }

    /// <summary>The payload in progress has ended; answers its transfer if the bytes are still wanted.</summary>
    private Transfer? EndWriting(MemberId source, long id, TimeSpan now, List<TransferEffect> effects)
    {
        if (!_writing.TryGetValue(id, out var transfer) || transfer.Source != source)
            return null;
        _writing.Remove(id);
        transfer.Writing = 0;
        if (_requested.ContainsKey(id))
            return transfer;
        if (transfer.IsLost && IsRunning)
            Reassign([transfer.Rest()], now, effects);
        return null;
    }
}
