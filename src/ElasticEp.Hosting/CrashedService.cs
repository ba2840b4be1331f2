using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace ElasticEp.Hosting;

/// <summary>Finds out why a rank's host stops by itself.</summary>
internal static class CrashedService
{
    /// <summary>
    /// What a background service of the host, the app's serving loop above all, has ended with; null when none has thrown. The rank cannot leave then:
    /// that takes steps, and nobody runs them.
    /// </summary>
    public static Exception? Find(IServiceProvider services) => services.GetServices<IHostedService>()
        .OfType<BackgroundService>()
        .Select(service => service.ExecuteTask is { Exception: { } ended } ? ended.InnerException ?? ended : null)
        .FirstOrDefault(exception => exception is not null);
}
