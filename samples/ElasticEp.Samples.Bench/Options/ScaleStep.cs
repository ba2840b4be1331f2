namespace ElasticEp.Samples.Bench.Options;

/// <summary>A resize that the run is to make.</summary>
/// <param name="Size">Ranks after it.</param>
/// <param name="At">When it starts, counted from the start of the run.</param>
internal readonly record struct ScaleStep(int Size, TimeSpan At);
