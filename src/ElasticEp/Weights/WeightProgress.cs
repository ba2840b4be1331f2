namespace ElasticEp.Weights;

/// <summary>How far a receiver is.</summary>
/// <param name="Arrived">Bytes of its needs that are here and verified.</param>
/// <param name="Total">Bytes of all its needs.</param>
internal readonly record struct WeightProgress(long Arrived, long Total);
