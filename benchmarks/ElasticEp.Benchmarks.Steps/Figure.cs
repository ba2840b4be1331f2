namespace ElasticEp.Benchmarks.Steps;

/// <summary>One figure of a run, as <c>benchmarks/compare</c> reads it.</summary>
/// <param name="Name">What was measured, with its unit.</param>
/// <param name="Value">How much.</param>
/// <param name="IsRate">Whether more is faster; of a time, less is.</param>
internal sealed record Figure(string Name, double Value, bool IsRate = false);
