namespace ElasticEp.Placement;

/// <summary>What one rank can hold in each MoE layer.</summary>
/// <param name="rank">The rank.</param>
/// <param name="slots">Its slots.</param>
/// <param name="spareExperts">Buffers beyond the slots into which experts can be received while all slots are in use.</param>
/// <param name="node">Name of the machine it runs on; null when unknown.</param>
public sealed class RankCapacity(int rank, int slots, int spareExperts, string? node = null)
{
    /// <summary>The rank.</summary>
    public int Rank { get; } = rank;

    /// <summary>Its slots in each MoE layer.</summary>
    public int Slots { get; } = slots;

    /// <summary>Buffers in each MoE layer beyond the slots into which experts can be received while all slots are in use.</summary>
    public int SpareExperts { get; } = spareExperts;

    /// <summary>Name of the machine it runs on; null when unknown. Copies of an expert are spread over machines.</summary>
    public string? Node { get; } = node;
}
