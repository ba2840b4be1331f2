namespace ElasticEp.Samples.Bench.Measuring;

/// <summary>A piece of a stream that brought tokens.</summary>
/// <param name="Time">Seconds since the run began.</param>
/// <param name="Tokens">Tokens in it.</param>
internal readonly record struct ChunkArrival(double Time, int Tokens);
