namespace ElasticEp;

/// <summary>
/// One process of a group. A number can be taken again by another process, for example one that was started in place of a dead
/// one; the incarnation tells the two apart, so that nothing that is meant for the one reaches the other.
/// </summary>
/// <param name="Rank">Rank, or a negative number for a client.</param>
/// <param name="Incarnation">Drawn from the store when the process starts; a later process of the same number has a higher one.</param>
public readonly record struct MemberId(int Rank, long Incarnation)
{
    /// <summary>Whether it is a rank, not a client.</summary>
    public bool IsRank => Rank >= 0;

    /// <summary>Number and incarnation, for logs: <c>rank 3 (incarnation 17)</c>, <c>client 2 (incarnation 9)</c>.</summary>
    public override string ToString() => IsRank ? $"rank {Rank} (incarnation {Incarnation})" : $"client {-(long)Rank} (incarnation {Incarnation})";
}
