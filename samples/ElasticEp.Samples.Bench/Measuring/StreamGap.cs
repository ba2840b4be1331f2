namespace ElasticEp.Samples.Bench.Measuring;

/// <summary>A silence in the middle of a stream.</summary>
/// <param name="From">When it began, in seconds since the run began.</param>
/// <param name="Length">How long it was, in seconds.</param>
internal readonly record struct StreamGap(double From, double Length);
