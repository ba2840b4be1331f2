using ElasticEp;
using ElasticEp.Hosting;
using ElasticEp.Runtime;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Health checks of a group.</summary>
public static class ElasticEpHealthChecksExtensions
{
    /// <summary>
    /// Adds two checks: <c>elasticep-{name}-live</c> (tag <c>live</c>), unhealthy when a rank has failed, and
    /// <c>elasticep-{name}-ready</c> (tag <c>ready</c>), healthy once this host's rank is admitted and serves, or while a client's group has
    /// members and all of them can be reached.
    /// </summary>
    /// <param name="builder">The host's health checks.</param>
    /// <param name="name">Name of the group.</param>
    public static IHealthChecksBuilder AddElasticExpertParallel(this IHealthChecksBuilder builder, string name = ElasticEpServiceCollectionExtensions.DefaultGroupName)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder
            .Add(new HealthCheckRegistration($"elasticep-{name}-live", provider => Check(provider, name, isReadiness: false), HealthStatus.Unhealthy, ["live"]))
            .Add(new HealthCheckRegistration($"elasticep-{name}-ready", provider => Check(provider, name, isReadiness: true), HealthStatus.Unhealthy, ["ready"]));
    }

    private static GroupHealthCheck Check(IServiceProvider provider, string name, bool isReadiness) =>
        new(provider.GetRequiredKeyedService<IElasticGroupClient>(name), provider.GetKeyedService<RankRuntime>(name), provider.GetKeyedService<ClientRuntime>(name), isReadiness);
}
