namespace ElasticEp.Placement;

/// <summary>All ranks of a plan, before and after, by index; and what each can hold.</summary>
internal sealed class StageRanks
{
    public StageRanks(PlacementRequest request)
    {
        var capacities = request.Ranks.ToDictionary(rank => rank.Rank);
        Old = [.. request.Current.Ranks];
        New = [.. request.Ranks.Select(rank => rank.Rank)];
        Ranks = [.. Old.Union(New).Order()];
        IsOld = [.. Ranks.Select(rank => Old.Contains(rank))];
        IsNew = [.. Ranks.Select(capacities.ContainsKey)];
        Slots = [.. Ranks.Select(rank => capacities.TryGetValue(rank, out var capacity) ? capacity.Slots : request.Current.GetSlots(0, rank).Length)];
        Spares = [.. Ranks.Select(rank => capacities.TryGetValue(rank, out var capacity) ? capacity.SpareExperts : 0)];
    }

    public int[] Old { get; }

    public int[] New { get; }

    public int[] Ranks { get; }

    public bool[] IsOld { get; }

    public bool[] IsNew { get; }

    public int[] Slots { get; }

    public int[] Spares { get; }
}
