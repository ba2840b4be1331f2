using ElasticEp;
using ElasticEp.Diagnostics;
using ElasticEp.Exchange;
using ElasticEp.Exchange.Cpu;
using ElasticEp.Hosting;
using ElasticEp.Hosting.Processes;
using ElasticEp.Placement;
using ElasticEp.Rendezvous;
using ElasticEp.Runtime;
using ElasticEp.Transport;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds elastic expert-parallel groups to a host.</summary>
public static class ElasticEpServiceCollectionExtensions
{
    /// <summary>Name of a group that is not given one.</summary>
    public const string DefaultGroupName = "default";

    private static readonly TimeSpan BirthPatience = TimeSpan.FromSeconds(3);

    /// <summary>
    /// Makes this host one rank of a group: it joins when the host starts and leaves when it stops. Resolve
    /// <see cref="IElasticGroup"/>, keyed by the group's name, or without a key when there is one group. Adding a group twice is adding it once.
    /// </summary>
    /// <param name="services">The host's services.</param>
    /// <param name="name">Name of the group.</param>
    /// <param name="configure">
    /// Sets its options, after the configuration sections <c>ElasticEp</c> and <c>ElasticEp:Groups:{name}</c> have set them; they are validated when the
    /// host starts.
    /// </param>
    public static IElasticEpBuilder AddElasticExpertParallel(this IServiceCollection services, string name, Action<ElasticEpOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        AddRank(services, name).Configure(configure);
        return new ElasticEpBuilder(name, services);
    }

    /// <inheritdoc cref="AddElasticExpertParallel(IServiceCollection, string, Action{ElasticEpOptions})"/>
    public static IElasticEpBuilder AddElasticExpertParallel(this IServiceCollection services, Action<ElasticEpOptions> configure) =>
        services.AddElasticExpertParallel(DefaultGroupName, configure);

    /// <inheritdoc cref="AddElasticExpertParallel(IServiceCollection, string, Action{ElasticEpOptions})"/>
    public static IElasticEpBuilder AddElasticExpertParallel(this IServiceCollection services, string name, IConfigurationSection section)
    {
        ArgumentNullException.ThrowIfNull(section);
        AddRank(services, name).Configure(options => HostingConfiguration.Bind(options, section));
        return new ElasticEpBuilder(name, services);
    }

    /// <inheritdoc cref="AddElasticExpertParallel(IServiceCollection, string, Action{ElasticEpOptions})"/>
    public static IElasticEpBuilder AddElasticExpertParallel(this IServiceCollection services, IConfigurationSection section) =>
        services.AddElasticExpertParallel(DefaultGroupName, section);

    /// <summary>
    /// Makes this host a client of a group: it holds no rank, sees the view, scales the group and exchanges messages with its ranks.
    /// A front end and a launcher live in such a host. Resolve <see cref="IElasticGroupClient"/>.
    /// </summary>
    /// <param name="services">The host's services.</param>
    /// <param name="name">Name of the group.</param>
    /// <param name="configure">Sets its options, the same as those of the ranks, after the configuration has set them.</param>
    public static IElasticEpBuilder AddElasticExpertParallelClient(this IServiceCollection services, string name, Action<ElasticEpOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        AddClient(services, name).Configure(configure);
        return new ElasticEpBuilder(name, services);
    }

    /// <inheritdoc cref="AddElasticExpertParallelClient(IServiceCollection, string, Action{ElasticEpOptions})"/>
    public static IElasticEpBuilder AddElasticExpertParallelClient(this IServiceCollection services, Action<ElasticEpOptions> configure) =>
        services.AddElasticExpertParallelClient(DefaultGroupName, configure);

    /// <inheritdoc cref="AddElasticExpertParallelClient(IServiceCollection, string, Action{ElasticEpOptions})"/>
    public static IElasticEpBuilder AddElasticExpertParallelClient(this IServiceCollection services, string name, IConfigurationSection section)
    {
        ArgumentNullException.ThrowIfNull(section);
        AddClient(services, name).Configure(options => HostingConfiguration.Bind(options, section));
        return new ElasticEpBuilder(name, services);
    }

    /// <inheritdoc cref="AddElasticExpertParallelClient(IServiceCollection, string, Action{ElasticEpOptions})"/>
    public static IElasticEpBuilder AddElasticExpertParallelClient(this IServiceCollection services, IConfigurationSection section) =>
        services.AddElasticExpertParallelClient(DefaultGroupName, section);

    /// <summary>A launcher knows when it starts the first ranks, and a store in this process knows of all: nobody else can be there.</summary>
    private static GroupServices WithPatience(GroupServices services, IServiceProvider provider) =>
        services.Store is InMemoryRendezvousStore || provider.GetService<IConfiguration>()?[WorkerVariables.IsFirstKey] == "1" ? services : services with { BirthPatience = BirthPatience };

    private static OptionsBuilder<ElasticEpOptions> AddRank(IServiceCollection services, string name)
    {
        if (!TryAddGroup(services, name, isClient: false))
            return services.AddOptions<ElasticEpOptions>(name);
        services.AddKeyedSingleton(name, (provider, _) => new RankRuntime(
            WithPatience(Services(provider, name), provider),
            provider.GetRequiredService<IOptionsMonitor<ElasticEpOptions>>().Get(name).Rank!.Value,
            provider.GetKeyedService<IExchangeEngineFactory>(name) ?? new CpuEngineFactory(),
            Required<IElasticWorkload>(provider, name, "workload", "UseWorkload<T>()"),
            provider.GetKeyedService<IPlacementPolicy>(name) ?? new MinimalMove()));
        services.AddKeyedSingleton<IElasticGroup>(name, (provider, _) => provider.GetRequiredKeyedService<RankRuntime>(name));
        services.AddKeyedSingleton<IElasticGroupClient>(name, (provider, _) => provider.GetRequiredKeyedService<RankRuntime>(name));
        services.TryAddSingleton<IElasticGroup>(provider => provider.GetRequiredKeyedService<IElasticGroup>(OnlyGroup(provider)));
        services.AddSingleton<IHostedService>(provider => new RankHostedService(
            name, provider.GetRequiredKeyedService<RankRuntime>(name), provider.GetRequiredService<ILogger<RankHostedService>>()));
        return AddOptions(services, name, isClient: false);
    }

    private static OptionsBuilder<ElasticEpOptions> AddOptions(IServiceCollection services, string name, bool isClient) => services.AddOptions<ElasticEpOptions>(name)
        .Configure<IServiceProvider>((options, provider) => HostingConfiguration.Bind(options, name, isClient, provider.GetService<IConfiguration>()))
        .ValidateOnStart();

    private static OptionsBuilder<ElasticEpOptions> AddClient(IServiceCollection services, string name)
    {
        if (!TryAddGroup(services, name, isClient: true))
            return services.AddOptions<ElasticEpOptions>(name);
        services.AddKeyedSingleton(name, (provider, _) => new ClientRuntime(Services(provider, name)));
        services.AddKeyedSingleton<IElasticGroupClient>(name, (provider, _) => provider.GetRequiredKeyedService<ClientRuntime>(name));
        services.AddKeyedSingleton<IGroupMonitor>(name, (provider, _) => provider.GetRequiredKeyedService<ClientRuntime>(name));
        services.TryAddSingleton<IGroupMonitor>(provider => provider.GetRequiredKeyedService<IGroupMonitor>(OnlyGroup(provider)));
        services.AddSingleton<IHostedService>(provider => new ClientHostedService(provider.GetRequiredKeyedService<ClientRuntime>(name)));
        return AddOptions(services, name, isClient: true);
    }

    private static bool TryAddGroup(IServiceCollection services, string name, bool isClient)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        var present = services.Select(descriptor => descriptor.IsKeyedService ? null : descriptor.ImplementationInstance as GroupRegistration).FirstOrDefault(group => group?.Name == name);
        if (present is not null)
        {
            return present.IsClient == isClient
                ? false
                : throw new ElasticEpException(ElasticEpErrorCode.InvalidState, $"Group '{name}' was added both as a rank and as a client of one host; use two hosts.");
        }

        services.AddSingleton(new GroupRegistration(name, isClient));
        services.AddLogging();
        services.AddMetrics();
        services.TryAddSingleton<ElasticEpMetrics>();
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, DumpSignal>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<ElasticEpOptions>, ElasticEpOptionsValidator>());
        services.TryAddSingleton<IElasticGroupClient>(provider => provider.GetRequiredKeyedService<IElasticGroupClient>(OnlyGroup(provider)));
        return true;
    }

    private static string OnlyGroup(IServiceProvider provider)
    {
        var names = provider.GetServices<GroupRegistration>().Select(group => group.Name).ToArray();
        return names.Length == 1
            ? names[0]
            : throw new ElasticEpException(ElasticEpErrorCode.InvalidState, $"This host has the groups {string.Join(", ", names)}; ask for one by its name, as a keyed service.");
    }

    private static GroupServices Services(IServiceProvider provider, string name) => new(
        name,
        provider.GetRequiredService<IOptionsMonitor<ElasticEpOptions>>().Get(name),
        Required<ITransport>(provider, name, "transport", "UseInProcessCluster(cluster)"),
        Required<IRendezvousStore>(provider, name, "store", "UseInProcessCluster(cluster)"),
        provider.GetRequiredService<TimeProvider>(),
        provider.GetRequiredService<ILoggerFactory>(),
        provider.GetRequiredService<ElasticEpMetrics>())
    {
        Faults = provider.GetService<IFaultInjector>(),
    };

    private static T Required<T>(IServiceProvider provider, string name, string what, string call)
        where T : class => provider.GetKeyedService<T>(name)
        ?? throw new ElasticEpException(ElasticEpErrorCode.InvalidState, $"Group '{name}' has no {what}; add one, for example with .{call}.");
}
