namespace ElasticEp.Placement;

/// <summary>One expert that a rank must get before a placement can be used.</summary>
/// <param name="Layer">MoE layer.</param>
/// <param name="Expert">Logical expert.</param>
/// <param name="Source">Rank to copy from; −1 when no rank has it and the workload loads it from its own source.</param>
/// <param name="Destination">Rank that gets it.</param>
/// <param name="Slot">Slot in which the destination will hold it.</param>
internal readonly record struct ExpertTransfer(int Layer, int Expert, int Source, int Destination, int Slot);
