using System.Diagnostics.CodeAnalysis;
using ElasticEp;
using ElasticEp.Composition;
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
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>
/// Chooses the parts of a group. Every method may be called again: of those that choose the same kind of part the last call wins, and nothing is
/// started twice. A part that the app has registered by itself, keyed by the group's name, stays.
/// </summary>
public static class ElasticEpBuilderExtensions
{
    /// <summary>All ranks and clients live in this process and meet in <paramref name="cluster"/>: transport and store in one.</summary>
    public static IElasticEpBuilder UseInProcessCluster(this IElasticEpBuilder builder, InProcessCluster cluster)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(cluster);
        builder.Choose<ITransport>(nameof(UseInProcessCluster), _ => new InProcessTransport(cluster.Hub));
        builder.Choose<IRendezvousStore>(nameof(UseInProcessCluster), cluster.Store);
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
        builder.Choose<IPlacementPolicy>(nameof(UsePlacement), policy);
        return builder;
    }

    /// <summary>
    /// The app's hooks, one object per rank. Also resolvable by its own type: keyed by the group's name, and without a key where one group has such a
    /// workload. An object of the type that the app has registered itself is taken.
    /// </summary>
    /// <typeparam name="T">Type of the workload.</typeparam>
    public static IElasticEpBuilder UseWorkload<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] T>(this IElasticEpBuilder builder)
        where T : class, IElasticWorkload
    {
        ArgumentNullException.ThrowIfNull(builder);
        var (services, name) = (builder.Services, builder.Name);
        if (WorkloadUse.IsOfApp<T>(services))
        {
            services.TryAddKeyedSingleton(name, (provider, _) => provider.GetRequiredService<T>());
        }
        else
        {
            WorkloadUse.Add<T>(services, name);
            services.TryAddKeyedSingleton<T>(name);
            services.TryAddSingleton(provider => provider.GetRequiredKeyedService<T>(WorkloadUse.OnlyGroup<T>(provider)));
        }

        builder.Choose<IElasticWorkload>(nameof(UseWorkload), provider => provider.GetRequiredKeyedService<T>(name));
        return builder;
    }

    /// <summary>The app's hooks, made by a factory.</summary>
    public static IElasticEpBuilder UseWorkload(this IElasticEpBuilder builder, Func<IServiceProvider, IElasticWorkload> create)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(create);
        builder.Choose<IElasticWorkload>(nameof(UseWorkload), create);
        return builder;
    }

    /// <summary>Starts and ends ranks as operations ask for it; on a client's host.</summary>
    /// <param name="builder">Builder of a client.</param>
    /// <param name="create">Makes the launcher.</param>
    public static IElasticEpBuilder UseLauncher(this IElasticEpBuilder builder, Func<IServiceProvider, IRankLauncher> create)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(create);
        var (services, name) = (builder.Services, builder.Name);
        builder.Choose<IRankLauncher>(nameof(UseLauncher), create);
        if (builder.Find<LauncherService>() is not null)
            return builder;
        services.AddKeyedSingleton(name, (provider, _) => new LauncherService(
            name,
            provider.GetRequiredService<IOptionsMonitor<ElasticEpOptions>>().Get(name),
            provider.GetRequiredKeyedService<ClientRuntime>(name),
            provider.GetRequiredKeyedService<IRankLauncher>(name),
            provider.GetService<IHostApplicationLifetime>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<LauncherService>>()));
        services.AddSingleton<IHostedService>(provider => provider.GetRequiredKeyedService<LauncherService>(name));
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
    /// workers' Main begins with <see cref="ElasticEpWorker"/>. They end with this process, however it ends. What they print goes to the log of this
    /// process, with the rank as a scope, under the category <c>ElasticEp.Worker</c>.
    /// </summary>
    /// <param name="builder">Builder of a client.</param>
    /// <param name="configure">Sets options, after the configuration sections <c>ElasticEp:Launcher</c> and <c>ElasticEp:Groups:{name}:Launcher</c> have set them.</param>
    public static IElasticEpBuilder UseLocalProcessLauncher(this IElasticEpBuilder builder, Action<LocalProcessLauncherOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var (services, name) = (builder.Services, builder.Name);
        var options = services.AddOptions<LocalProcessLauncherOptions>(name);
        if (!services.Any(service => !service.IsKeyedService && service.ImplementationInstance is LocalProcessLauncherOptionsValidator validator && validator.Group == name))
        {
            options.Configure<IServiceProvider>((launcher, provider) => HostingConfiguration.Bind(launcher, name, provider.GetService<IConfiguration>())).ValidateOnStart();
            services.AddSingleton<IValidateOptions<LocalProcessLauncherOptions>>(new LocalProcessLauncherOptionsValidator(name));
        }

        if (configure is not null)
            options.Configure(configure);
        return builder.UseLauncher(provider =>
        {
            var launcher = provider.GetRequiredService<IOptionsMonitor<LocalProcessLauncherOptions>>().Get(name);
            return new LocalProcessLauncher(
                launcher,
                provider.GetKeyedServices<IWorkerEnvironment>(name),
                launcher.WriteToConsole ? new ConsoleWorkerOutput() : new LoggedWorkerOutput(name, provider.GetRequiredService<ILoggerFactory>().CreateLogger(LoggedWorkerOutput.Category)),
                provider.GetRequiredService<TimeProvider>());
        });
    }
}
