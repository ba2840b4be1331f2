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
    public async ValueTask<ILaunchedRank> LaunchAsync(RankLaunch launch, CancellationToken cancellationToken)
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

        return new InProcessRank(host, launch.Group);
    }
}
