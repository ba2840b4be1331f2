using ElasticEp;
using ElasticEp.Hosting;
using ElasticEp.Runtime;
using ElasticEp.Transport;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Health checks of a group.</summary>
public static class ElasticEpHealthChecksExtensions
{
    /// <summary>
    /// Adds two checks: <c>elasticep-{name}-live</c> (tag <c>live</c>), unhealthy when a rank has failed, and
    /// <c>elasticep-{name}-ready</c> (tag <c>ready</c>), healthy once this host's rank is admitted and serves. A client's is
    /// unhealthy while its group has no view, while there is work and no step was completed for <see cref="ElasticEpOptions.StallTime"/>, or
    /// while the group waits for members without whom it cannot go on; degraded while it serves and not all is well. Its text says since
    /// when and why. Both are degraded, too, when a part of the transport has failed and others have taken its place.
    /// </summary>
    /// <param name="builder">The host's health checks.</param>
    /// <param name="name">Name of the group.</param>
    /// <param name="failureStatus">What is reported where the above says unhealthy; null for <see cref="HealthStatus.Unhealthy"/>.</param>
    /// <param name="tags">Tags of both checks, beside <c>live</c> and <c>ready</c>.</param>
    /// <param name="timeout">Time after which a check counts as failed; null for none.</param>
    public static IHealthChecksBuilder AddElasticExpertParallel(
        this IHealthChecksBuilder builder, string name = ElasticEpServiceCollectionExtensions.DefaultGroupName, HealthStatus? failureStatus = null, IEnumerable<string>? tags = null, TimeSpan? timeout = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        string[] more = [.. tags ?? []];
        return builder
            .Add(new HealthCheckRegistration($"elasticep-{name}-live", provider => Check(provider, name, isReadiness: false), failureStatus, [.. more, "live"], timeout))
            .Add(new HealthCheckRegistration($"elasticep-{name}-ready", provider => Check(provider, name, isReadiness: true), failureStatus, [.. more, "ready"], timeout));
    }

    private static GroupHealthCheck Check(IServiceProvider provider, string name, bool isReadiness) =>
        new(provider.GetRequiredKeyedService<IElasticGroupClient>(name), provider.GetKeyedService<RankRuntime>(name), provider.GetKeyedService<ClientRuntime>(name), provider.GetKeyedService<ITransport>(name) as ITransportHealth, isReadiness);
}
