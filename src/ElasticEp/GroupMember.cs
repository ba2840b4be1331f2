namespace ElasticEp;

/// <summary>One rank of a view.</summary>
/// <param name="Rank">Stable number, 0 ≤ rank &lt; MaxRanks; holes are allowed.</param>
/// <param name="Incarnation">Distinguishes a restarted process on the same rank.</param>
/// <param name="Address">Where its transport can be reached.</param>
public sealed record GroupMember(int Rank, long Incarnation, string Address);
