namespace ElasticEp.Benchmarks.ServerRuns;

/// <summary>One rank; the last three are null until it has reported.</summary>
/// <param name="Rank">Its number.</param>
/// <param name="Incarnation">Distinguishes a new process on the same rank.</param>
/// <param name="LastPauseMs">Milliseconds from its last step under the view before to its first under the present one.</param>
/// <param name="StepDurations">Its steps by duration, in the server's buckets.</param>
/// <param name="ProcessId">Its process.</param>
/// <param name="State">How it is.</param>
internal sealed record ReportedRank(int Rank, long Incarnation, double? LastPauseMs, long[]? StepDurations, int? ProcessId, string? State);
