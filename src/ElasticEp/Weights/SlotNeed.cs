namespace ElasticEp.Weights;

/// <summary>An expert that a staged view needs and that is not here yet.</summary>
/// <param name="Layer">MoE layer.</param>
/// <param name="Expert">Logical expert.</param>
/// <param name="Buffer">Number of the physical buffer that is reserved for it in its layer.</param>
internal readonly record struct SlotNeed(int Layer, int Expert, int Buffer);
