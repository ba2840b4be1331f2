namespace ElasticEp.Samples.Serving.Ranks;

/// <summary>What the model is told before the next step is prepared.</summary>
/// <param name="Slot">The slot.</param>
/// <param name="Start">The sequence that takes it; null when it is closed.</param>
internal readonly record struct SlotChange(int Slot, SequenceStart? Start);
