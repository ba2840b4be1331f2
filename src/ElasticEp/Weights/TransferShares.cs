namespace ElasticEp.Weights;

/// <summary>Decides which source sends which range, so that all sources send about the same number of bytes.</summary>
internal static class TransferShares
{
    private const long SmallestRange = 4096;
    private const int RangesPerSource = 16;

    /// <summary>
    /// Experts come whole from the holder that the plan chose. Dense memory is cut into ranges, a sixteenth of a fair share at most,
    /// and each, the largest first, goes to the source that has least.
    /// </summary>
    /// <param name="items">What is needed.</param>
    /// <param name="chunkBytes">Largest payload of a frame; a range has at most sixteen.</param>
    public static List<Transfer> Split(IReadOnlyList<ItemProgress> items, int chunkBytes)
    {
        var load = new Dictionary<MemberId, long>();
        var transfers = new List<Transfer>();
        foreach (var item in items.Where(item => item.Need.Item.Kind == WeightKind.Expert))
        {
            foreach (var (start, end) in item.Arrived.Gaps(item.Need.Destination.ByteLength))
                Assign(new Transfer(item, start, end), item.Need.Holders[0], transfers, load);
        }

        var dense = items.Where(item => item.Need.Item.Kind == WeightKind.Dense).ToList();
        var missing = dense.Sum(item => item.Need.Destination.ByteLength - item.Arrived.Length);
        var sources = dense.SelectMany(item => item.Need.Holders).Distinct().Count();
        var range = Math.Clamp(WeightManifest.Align(missing / Math.Max(1, sources * RangesPerSource)), SmallestRange, Math.Max(SmallestRange, RangesPerSource * (long)chunkBytes));
        foreach (var part in dense.SelectMany(item => Cut(item, range)).OrderByDescending(part => part.Length))
            Assign(part, part.Item.Need.Holders.MinBy(holder => load.GetValueOrDefault(holder)), transfers, load);
        return transfers;
    }

    private static IEnumerable<Transfer> Cut(ItemProgress item, long range)
    {
        foreach (var (start, end) in item.Arrived.Gaps(item.Need.Destination.ByteLength))
        {
            for (var next = start; next < end; next += range)
                yield return new Transfer(item, next, Math.Min(end, next + range));
        }
    }

    private static void Assign(Transfer transfer, MemberId source, List<Transfer> transfers, Dictionary<MemberId, long> load)
    {
        transfer.Source = source;
        transfers.Add(transfer);
        load[source] = load.GetValueOrDefault(source) + transfer.Length;
    }
}
