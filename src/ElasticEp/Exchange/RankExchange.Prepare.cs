namespace ElasticEp.Exchange;

/// <summary>Memory for a next view, which is not durable yet.</summary>
internal sealed partial class RankExchange
{
    /// <summary>
    /// Allocates what the next view needs, and every view of members of both views, which a recovery may bring. What neither of them needs,
    /// nor the view in use, is freed. Steps go on meanwhile; one call at a time. When it fails nothing has changed.
    /// </summary>
    /// <param name="base">The view that the next one follows. It is Completed: no view before it will be used again.</param>
    /// <param name="next">The next view.</param>
    /// <exception cref="InsufficientMemoryException">There is not enough memory.</exception>
    /// <exception cref="ElasticEpException">A view does not fit the options.</exception>
    public void Prepare(GroupView @base, GroupView next)
    {
        CheckRanks(@base);
        CheckRanks(next);
        var needed = Ranks(@base).Concat(Ranks(next)).ToHashSet();
        IReadOnlyList<int> missing;
        lock (_lock)
            missing = _regions.FindMissing(needed);
        AllocateLanes();
        var made = _regions.Make(missing);
        IReadOnlyList<SourceRegions> freed;
        lock (_lock)
            freed = _regions.Replace(made, needed.Union(_ranks).ToHashSet());
        foreach (var regions in freed)
            regions.Dispose();
    }

    private static IEnumerable<int> Ranks(GroupView view) => view.Members.Select(member => member.Rank);

    private void CheckRanks(GroupView view)
    {
        if (view.Members.Length > 0 && view.Members[^1].Rank >= _memberOfRank.Length)
            throw ExchangeErrors.Argument($"{view} has rank {view.Members[^1].Rank}; MaxRanks is {_memberOfRank.Length}.");
    }

    private void AllocateLanes()
    {
        try
        {
            foreach (var lane in _lanes)
                lane.Allocate();
        }
        catch (OutOfMemoryException exception)
        {
            throw ExchangeErrors.Memory($"{_lanes.Length * _layout.ReturnedBytes} bytes for what experts return", exception);
        }
    }
}
