namespace ElasticEp.Exchange.Cpu;

/// <summary>
/// The receive regions of every source, by rank, so that those of a rank that stays outlive a view. They are made when a view is prepared, before
/// it is durable, and freed when the next one is: until then a recovery may still use the view before. Not thread-safe but for
/// <see cref="Make"/>, which touches nothing that is in use.
/// </summary>
internal sealed class ReceiveRegions(ExchangeLayout layout, int rank, Func<EpBuffer, IDisposable> register) : IDisposable
{
    private readonly SourceRegions?[] _ofRank = new SourceRegions?[layout.MaxRanks];

    /// <summary>Whether frames of all these ranks have a place.</summary>
    public bool Has(IEnumerable<int> ranks) => FindMissing(ranks).Count == 0;

    /// <summary>Ranks that have no regions yet.</summary>
    public IReadOnlyList<int> FindMissing(IEnumerable<int> ranks) => [.. ranks.Where(source => source != rank && _ofRank[source] is null).Distinct().Order()];

    /// <summary>The regions of each of these ranks; null for this rank.</summary>
    public SourceRegions?[] Of(ReadOnlySpan<int> ranks)
    {
        var regions = new SourceRegions?[ranks.Length];
        for (var i = 0; i < ranks.Length; i++)
            regions[i] = _ofRank[ranks[i]];
        return regions;
    }

    /// <summary>Allocates regions for these ranks, or for none of them.</summary>
    /// <exception cref="InsufficientMemoryException">There is not enough memory.</exception>
    public IReadOnlyList<(int Rank, SourceRegions Regions)> Make(IReadOnlyList<int> ranks)
    {
        var made = new List<(int, SourceRegions)>();
        try
        {
            foreach (var source in ranks)
                made.Add((source, new SourceRegions(layout, register)));
        }
        catch (OutOfMemoryException exception)
        {
            foreach (var (_, regions) in made)
                regions.Dispose();
            if (exception is InsufficientMemoryException)
                throw; // a transport that could not register it has said how much
            throw ExchangeErrors.Memory($"{ranks.Count * layout.SourceBytes} bytes for what ranks {string.Join(", ", ranks)} will send", exception);
        }

        return made;
    }

    /// <summary>Takes what <see cref="Make"/> has allocated, and gives up the regions of all ranks but these.</summary>
    /// <returns>What is to be disposed of.</returns>
    public IReadOnlyList<SourceRegions> Replace(IReadOnlyList<(int Rank, SourceRegions Regions)> made, IReadOnlySet<int> kept)
    {
        foreach (var (source, regions) in made)
            _ofRank[source] = regions;
        var freed = new List<SourceRegions>();
        for (var source = 0; source < _ofRank.Length; source++)
        {
            if (_ofRank[source] is not { } regions || kept.Contains(source))
                continue;
            freed.Add(regions);
            _ofRank[source] = null;
        }

        return freed;
    }

    public void Dispose() => Array.ForEach(_ofRank, regions => regions?.Dispose());
}
