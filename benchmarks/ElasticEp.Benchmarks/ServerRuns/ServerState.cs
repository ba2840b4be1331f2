using System.Text.Json;

namespace ElasticEp.Benchmarks.ServerRuns;

/// <summary>What a benchmark reads of <c>/elastic/view</c>: no more, so that it can read an older server's too.</summary>
/// <param name="Model">Name of the served model.</param>
/// <param name="Ranks">The members.</param>
/// <param name="HandedBackRequests">Requests that leavers handed back in the middle, since the start.</param>
internal sealed record ServerState(string Model, IReadOnlyList<ReportedRank> Ranks, long HandedBackRequests)
{
    public static JsonSerializerOptions Json { get; } = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
}
