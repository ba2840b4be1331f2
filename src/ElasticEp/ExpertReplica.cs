namespace ElasticEp;

/// <summary>Where one copy of an expert lies.</summary>
/// <param name="Rank">The rank that holds it.</param>
/// <param name="Slot">The slot on that rank.</param>
public readonly record struct ExpertReplica(int Rank, int Slot);
