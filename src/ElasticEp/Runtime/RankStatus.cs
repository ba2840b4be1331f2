namespace ElasticEp.Runtime;

/// <summary>What a rank says of itself, for health checks.</summary>
/// <param name="Phase">Where it stands, in one word: <c>joining</c>, <c>serving</c>, <c>idle</c>, <c>stalled</c>, <c>recovering</c>, <c>repairing</c>, <c>left</c>, <c>failed</c>.</param>
/// <param name="IsReady">Whether it serves.</param>
/// <param name="IsHealthy">Whether it is alive and not failed.</param>
/// <param name="Detail">More, in words.</param>
internal sealed record RankStatus(string Phase, bool IsReady, bool IsHealthy, string Detail);
