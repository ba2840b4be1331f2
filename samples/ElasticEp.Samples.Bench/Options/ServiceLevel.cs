namespace ElasticEp.Samples.Bench.Options;

/// <summary>A latency that a request must keep to count for the goodput.</summary>
/// <param name="Metric">ttft, tpot or e2el.</param>
/// <param name="Milliseconds">The most that it may be.</param>
internal readonly record struct ServiceLevel(string Metric, double Milliseconds);
