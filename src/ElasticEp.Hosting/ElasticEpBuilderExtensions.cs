using System.Diagnostics.CodeAnalysis;
using ElasticEp;
using ElasticEp.Cuda;
using ElasticEp.Exchange;
using ElasticEp.Exchange.Cpu;
using ElasticEp.Exchange.Gpu;
using ElasticEp.Hosting;
using ElasticEp.Hosting.Launching;
using ElasticEp.Hosting.Processes;
using ElasticEp.Placement;
using ElasticEp.Rendezvous;
using ElasticEp.Runtime;
using ElasticEp.Scaling;
using ElasticEp.Transport;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Chooses the parts of a group.</summary>
public static class ElasticEpBuilderExtensions
{
    /// <summary>All ranks and clients live in this process and meet in <paramref name="cluster"/>: transport and store in one.</summary>
    public static IElasticEpBuilder UseInProcessCluster(this IElasticEpBuilder builder, InProcessCluster cluster)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(cluster);
        builder.Services.TryAddKeyedSingleton<ITransport>(builder.Name, (_, _) => new InProcessTransport(cluster.Hub));
        builder.Services.TryAddKeyedSingleton<IRendezvousStore>(builder.Name, cluster.Store);
        return builder;
    }

    /// <summary>Moves and sums rows on the processor. This is the default; of this and <see cref="UseCudaKernels"/> the last call wins.</summary>
    public static IElasticEpBuilder UseCpuKernels(this IElasticEpBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.RemoveAllKeyed<IExchangeEngineFactory>(builder.Name);
        builder.Services.AddKeyedSingleton<IExchangeEngineFactory>(builder.Name, (_, _) => new CpuEngineFactory());
        return builder;
    }

    /// <summary>
    /// Moves and sums rows on a GPU: what a step gives to exchanges, and gets from them, is device memory. Each rank needs a GPU of its own on one
    /// host. The last call wins.
    /// </summary>
    /// <param name="builder">The group.</param>
    /// <param name="configure">Says which GPU; null for the first.</param>
    [RequiresUnreferencedCode("Kernels are compiled from the IL of their methods.")]
    [RequiresDynamicCode("Kernels are compiled from the IL of their methods.")]
    public static IElasticEpBuilder UseCudaKernels(this IElasticEpBuilder builder, Action<CudaKernelOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddOptions<CudaKernelOptions>(builder.Name)
            .Configure(options => configure?.Invoke(options))
            .Validate(options => options.Device >= 0, "Device must be 0 or more.")
            .ValidateOnStart();
        builder.Services.RemoveAllKeyed<IExchangeEngineFactory>(builder.Name);
        builder.Services.AddKeyedSingleton<IExchangeEngineFactory>(builder.Name, (provider, _) => new CudaEngineFactory(
            provider.GetRequiredService<IOptionsMonitor<CudaKernelOptions>>().Get(builder.Name),
            provider.GetRequiredService<IOptionsMonitor<ElasticEpOptions>>().Get(builder.Name),
            provider.GetService<TimeProvider>() ?? TimeProvider.System,
            provider.GetRequiredService<ILogger<CudaEngine>>()));
        return builder;
    }

    /// <summary>Decides where experts go: any policy of yours, or <see cref="DeepSeekEplb"/>. Without it experts move as little as balance allows.</summary>
    public static IElasticEpBuilder UsePlacement(this IElasticEpBuilder builder, IPlacementPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(policy);
        builder.Services.TryAddKeyedSingleton(builder.Name, policy);
        return builder;
    }

    /// <summary>The app's hooks, one object per rank. Also resolvable by its own type.</summary>
    /// <typeparam name="T">Type of the workload.</typeparam>
    public static IElasticEpBuilder UseWorkload<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] T>(this IElasticEpBuilder builder)
        where T : class, IElasticWorkload
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.TryAddSingleton<T>();
        builder.Services.TryAddKeyedSingleton<IElasticWorkload>(builder.Name, (provider, _) => provider.GetRequiredService<T>());
        return builder;
    }

    /// <summary>The app's hooks, made by a factory.</summary>
    public static IElasticEpBuilder UseWorkload(this IElasticEpBuilder builder, Func<IServiceProvider, IElasticWorkload> create)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(create);
        builder.Services.TryAddKeyedSingleton(builder.Name, (provider, _) => create(provider));
        return builder;
    }

    /// <summary>Starts and ends ranks as operations ask for it; on a client's host.</summary>
    /// <param name="builder">Builder of a client.</param>
    /// <param name="create">Makes the launcher.</param>
    public static IElasticEpBuilder UseLauncher(this IElasticEpBuilder builder, Func<IServiceProvider, IRankLauncher> create)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(create);
        builder.Services.TryAddKeyedSingleton(builder.Name, (provider, _) => create(provider));
        builder.Services.AddSingleton<IHostedService>(provider => new LauncherService(
            builder.Name,
            provider.GetRequiredService<IOptionsMonitor<ElasticEpOptions>>().Get(builder.Name),
            provider.GetRequiredKeyedService<ClientRuntime>(builder.Name),
            provider.GetRequiredKeyedService<IRankLauncher>(builder.Name),
            provider.GetService<IHostApplicationLifetime>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<LauncherService>>()));
        return builder;
    }

    /// <summary>
    /// Runs each rank in a host of its own in this process. The rank's host has the client's options, its cluster and its logging;
    /// <paramref name="configure"/> adds the workload and the serving loop.
    /// </summary>
    /// <param name="builder">Builder of a client.</param>
    /// <param name="cluster">Where ranks and client meet.</param>
    /// <param name="configure">Configures the host of one rank.</param>
    public static IElasticEpBuilder UseInProcessLauncher(this IElasticEpBuilder builder, InProcessCluster cluster, Action<IElasticEpBuilder, RankLaunch> configure)
    {
        ArgumentNullException.ThrowIfNull(cluster);
        ArgumentNullException.ThrowIfNull(configure);
        return builder.UseInProcessCluster(cluster).UseLauncher(provider => new InProcessLauncher(
            cluster,
            provider.GetRequiredService<IOptionsMonitor<ElasticEpOptions>>().Get(builder.Name),
            provider.GetRequiredService<ILoggerFactory>(),
            provider.GetRequiredService<TimeProvider>(),
            configure));
    }

    /// <summary>
    /// Runs each rank as a process of this machine: this process's own executable and arguments unless options say otherwise. The
    /// workers' Main begins with <see cref="ElasticEpWorker"/>. They end with this process, however it ends.
    /// </summary>
    /// <param name="builder">Builder of a client.</param>
    /// <param name="configure">Sets options.</param>
    public static IElasticEpBuilder UseLocalProcessLauncher(this IElasticEpBuilder builder, Action<LocalProcessLauncherOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var options = new LocalProcessLauncherOptions();
        configure?.Invoke(options);
        return builder.UseLauncher(provider => new LocalProcessLauncher(
            options,
            provider.GetKeyedServices<IWorkerEnvironment>(builder.Name),
            provider.GetService<IWorkerOutput>() ?? new ConsoleWorkerOutput(),
            provider.GetRequiredService<TimeProvider>()));
    }
}
