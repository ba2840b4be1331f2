using System.Collections.Concurrent;
using ElasticEp.Scaling;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Hosting;

/// <summary>Runs each rank in a host of its own in this process.</summary>
internal sealed class InProcessLauncher(
    InProcessCluster cluster, ElasticEpOptions options, ILoggerFactory loggers, TimeProvider time, Action<IElasticEpBuilder, RankLaunch> configure) : IRankLauncher
{
    private readonly ConcurrentDictionary<int, IHost> _hosts = new();

    public async ValueTask LaunchAsync(RankLaunch launch, CancellationToken cancellationToken)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true, ApplicationName = $"{launch.Group}-rank-{launch.Rank}" });
        builder.Services.RemoveAll<ILoggerFactory>();
        builder.Services.AddSingleton(loggers);
        builder.Services.AddSingleton<IHostLifetime, PassiveLifetime>();
        builder.Services.AddSingleton(time);
        configure(
            builder.Services.AddElasticExpertParallel(launch.Group, rankOptions =>
            {
                options.CopyTo(rankOptions);
                rankOptions.Rank = launch.Rank;
            }).UseInProcessCluster(cluster),
            launch);
        var host = builder.Build();
        try
        {
            await host.StartAsync(cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await ((IAsyncDisposable)host).DisposeAsync().ConfigureAwait(false);
            throw;
        }

        _hosts[launch.Rank] = host;
    }

    public async ValueTask StopAsync(int rank, CancellationToken cancellationToken)
    {
        if (!_hosts.TryRemove(rank, out var host))
            return;
        try
        {
            await host.StopAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await ((IAsyncDisposable)host).DisposeAsync().ConfigureAwait(false);
        }
    }
}
