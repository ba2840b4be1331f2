using ElasticEp.Samples.Server.Elastic;

namespace ElasticEp.Benchmarks.ServerRuns;

/// <summary>One resize.</summary>
/// <param name="Size">Ranks that were asked for.</param>
/// <param name="Start">When, in seconds since the run began.</param>
/// <param name="End">When its answer came.</param>
/// <param name="Answer">The answer.</param>
/// <param name="Pauses">Milliseconds from the last step under the old view to the first under the new one, of each rank that is in both.</param>
/// <param name="HandedBack">Requests that leavers handed back in the middle.</param>
internal sealed record PauseSample(int Size, double Start, double End, ScaleAnswer Answer, double[] Pauses, long HandedBack);
