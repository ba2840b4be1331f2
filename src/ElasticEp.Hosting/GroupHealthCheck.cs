using ElasticEp.Runtime;
using ElasticEp.Transport;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace ElasticEp.Hosting;

/// <summary>Tells the truth about this host's rank, or about the group as a client sees it.</summary>
internal sealed class GroupHealthCheck(IElasticGroupClient group, RankRuntime? rank, ClientRuntime? client, ITransportHealth? transport, bool isReadiness) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var failure = context.Registration.FailureStatus;
        var (phase, status, detail) = rank is not null ? OfRank(rank.Status, failure) : OfGroup(client!.GetStatus(), failure);
        if (status == HealthStatus.Healthy && transport?.Degradation is { } degradation)
            (status, detail) = (HealthStatus.Degraded, $"{detail}; {degradation}");
        var data = new Dictionary<string, object>
        {
            ["epoch"] = group.View.Epoch,
            ["ranks"] = string.Join(' ', group.View.Members.Select(member => member.Rank)),
            ["phase"] = phase,
        };
        return Task.FromResult(new HealthCheckResult(status, $"{phase}: {detail}", data: data));
    }

    private (string Phase, HealthStatus Status, string Detail) OfRank(RankStatus rank, HealthStatus failure) =>
        (rank.Phase, (isReadiness ? rank.IsReady : rank.IsHealthy) ? HealthStatus.Healthy : failure, rank.Detail);

    /// <summary>A client is alive whatever becomes of its group: starting it again would help nobody.</summary>
    private (string Phase, HealthStatus Status, string Detail) OfGroup(GroupStatus status, HealthStatus failure) => (
        status.Phase,
        !isReadiness ? HealthStatus.Healthy : !status.IsReady ? failure : status.Phase == "degraded" ? HealthStatus.Degraded : HealthStatus.Healthy,
        $"{status.Detail}; since {status.Since:yyyy-MM-dd'T'HH:mm:ss.fff'Z'}");
}
