namespace ElasticEp.Placement;

/// <summary>What one rank can hold in each MoE layer.</summary>
/// <param name="Rank">The rank.</param>
/// <param name="Slots">Its slots.</param>
/// <param name="SpareExperts">Buffers beyond the slots into which experts can be received while all slots are in use.</param>
/// <param name="Node">Name of the machine it runs on, when known.</param>
public sealed record RankCapacity(int Rank, int Slots, int SpareExperts, string? Node = null);
