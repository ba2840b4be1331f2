namespace ElasticEp.Tests.Simulation;

/// <summary>A request on a rank, under an owner number.</summary>
internal sealed class SimAssignment(SimRequest request, SimRank rank)
{
    public SimRequest Request { get; } = request;

    public SimRank Rank { get; } = rank;

    public int Owner { get; } = request.Owner;

    public int Position { get; set; } = request.Position;

    public bool IsRevoked { get; set; }
}
