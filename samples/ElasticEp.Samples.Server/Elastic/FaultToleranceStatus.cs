using System.Text.Json.Serialization;

namespace ElasticEp.Samples.Server.Elastic;

/// <summary>The answer of vLLM's <c>/fault_tolerance/status</c>, schema 1: its fields, for as much as exists here.</summary>
/// <param name="SchemaVersion">Always 1.</param>
/// <param name="TotalEngines">Members.</param>
/// <param name="Engines">One for each.</param>
internal sealed record FaultToleranceStatus(int SchemaVersion, int TotalEngines, IReadOnlyList<EngineStatus> Engines)
{
    public static FaultToleranceStatus Of(GroupStatus status)
    {
        var engines = status.Ranks.Where(rank => rank.Condition != RankCondition.Joining).Select(EngineStatus.Of).ToArray();
        return new FaultToleranceStatus(1, engines.Length, engines);
    }
}

/// <summary>One engine: a rank.</summary>
/// <param name="Id">Its number, which stays what it is when others go.</param>
/// <param name="Status">healthy, unhealthy (it may be lost) or dead.</param>
/// <param name="FaultInfo">Why; left out for a healthy one.</param>
internal sealed record EngineStatus(int Id, string Status, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? FaultInfo)
{
    public static EngineStatus Of(RankState rank) => rank.Condition switch
    {
        RankCondition.Lost => new EngineStatus(rank.Rank, "dead", rank.Reason),
        RankCondition.Suspected => new EngineStatus(rank.Rank, "unhealthy", rank.Reason),
        _ => new EngineStatus(rank.Rank, "healthy", null),
    };
}
