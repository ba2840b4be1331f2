namespace ElasticEp;

/// <summary>One rank of a view.</summary>
/// <param name="Rank">Stable number, 0 ≤ rank &lt; MaxRanks; holes are allowed.</param>
/// <param name="Incarnation">Distinguishes a restarted process on the same rank.</param>
/// <param name="Address">Where its transport can be reached.</param>
/// <param name="Node">What it fails together with, as <see cref="ElasticEpOptions.Node"/> names it; empty when unknown.</param>
public sealed record GroupMember(int Rank, long Incarnation, string Address, string Node = "")
{
    /// <summary>The process: its rank and incarnation.</summary>
    public MemberId Id => new(Rank, Incarnation);

    /// <summary>The latest version of the record and of messages that the process reads whole.</summary>
    internal byte ReadsVersion { get; init; } = Protocol.ProtocolVersion.Current;
}
