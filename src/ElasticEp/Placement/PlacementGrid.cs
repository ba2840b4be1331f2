namespace ElasticEp.Placement;

/// <summary>What of a request is the same in every layer, with ranks by index.</summary>
internal sealed class PlacementGrid
{
    private readonly ulong[] _ranksOf; // [node][word]: set of ranks

    public PlacementGrid(PlacementRequest request)
    {
        Experts = request.Experts;
        Ranks = request.Ranks.Count;
        Capacity = [.. request.Ranks.Select(rank => Math.Min(rank.Slots, request.Experts))];
        Width = Capacity.Max();
        Words = (Ranks + 63) / 64;
        var room = Capacity.Sum(capacity => (long)capacity);
        var wantedDepth = Math.Min(request.ToleratedLosses, Ranks - 1) + 1;
        Total = (int)Math.Min(room, Math.Max((long)request.Experts + request.RedundantExperts, (long)wantedDepth * request.Experts));
        Depth = Math.Clamp(Total / request.Experts, 1, wantedDepth);
        var names = request.Ranks.Select(rank => rank.Node).ToArray();
        var nodes = names.Distinct().ToList();
        Nodes = nodes.Count < 2 || nodes.Contains(null) ? 1 : nodes.Count;
        NodeOf = [.. names.Select(name => Nodes == 1 ? 0 : nodes.IndexOf(name))];
        _ranksOf = new ulong[Nodes * Words];
        for (var rank = 0; rank < Ranks; rank++)
            _ranksOf[(NodeOf[rank] * Words) + (rank >> 6)] |= 1UL << (rank & 63);
    }

    public int Experts { get; }

    public int Ranks { get; }

    /// <summary>Most experts that each rank can hold; no rank holds an expert twice.</summary>
    public int[] Capacity { get; }

    /// <summary>The largest capacity.</summary>
    public int Width { get; }

    /// <summary>Words of a set of ranks.</summary>
    public int Words { get; }

    /// <summary>Copies to place in a layer.</summary>
    public int Total { get; }

    /// <summary>Copies that every expert gets on different ranks.</summary>
    public int Depth { get; }

    /// <summary>Number of nodes; 1 when the node of a rank is unknown.</summary>
    public int Nodes { get; }

    /// <summary>Node of each rank.</summary>
    public int[] NodeOf { get; }

    /// <summary>Ranks of a node, as a set of <see cref="Words"/> words.</summary>
    public ReadOnlySpan<ulong> RanksOf(int node) => _ranksOf.AsSpan(node * Words, Words);
}
