using ElasticEp.Runtime;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace ElasticEp.Hosting;

/// <summary>Tells the truth about this host's rank, or about the group as a client sees it.</summary>
internal sealed class GroupHealthCheck(IElasticGroupClient group, RankRuntime? rank, ClientRuntime? client, bool isReadiness) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var status = rank?.Status ?? client!.Status;
        var data = new Dictionary<string, object>
        {
            ["epoch"] = group.View.Epoch,
            ["ranks"] = string.Join(' ', group.View.Members.Select(member => member.Rank)),
            ["phase"] = status.Phase,
        };
        var isGood = isReadiness ? status.IsReady : status.IsHealthy;
        return Task.FromResult(new HealthCheckResult(isGood ? HealthStatus.Healthy : context.Registration.FailureStatus, $"{status.Phase}: {status.Detail}", data: data));
    }
}
