namespace ElasticEp.Samples.Bench;

/// <summary>There can be no run; the message tells a user why and what to do.</summary>
internal sealed class BenchException(string message) : Exception(message);
