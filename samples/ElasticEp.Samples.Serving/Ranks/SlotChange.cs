namespace ElasticEp.Samples.Serving.Ranks;

/// <summary>A slot that the model opens or closes before the next step is prepared.</summary>
/// <param name="Slot">The slot.</param>
/// <param name="Start">The sequence that takes it; null when it is closed.</param>
internal readonly record struct SlotChange(int Slot, SequenceStart? Start);
