using System.Diagnostics.CodeAnalysis;
using ElasticEp.Samples.Serving.Ranks;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ElasticEp.Samples.Serving;

/// <summary>Adds serving to the hosts of ranks and clients.</summary>
public static class ServingBuilderExtensions
{
    /// <summary>Serves a model on this rank: adds its weights to the group, and the loop that batches requests. The model is also resolvable by its own type.</summary>
    /// <typeparam name="T">The model with its weights; one object for the rank.</typeparam>
    /// <param name="builder">Builder of a rank.</param>
    /// <param name="configure">Sets how it batches; the same on all ranks.</param>
    public static IElasticEpBuilder UseServing<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] T>(this IElasticEpBuilder builder, Action<ServingOptions>? configure = null)
        where T : class, IServingWorkload
    {
        ArgumentNullException.ThrowIfNull(builder);
        var (name, services) = (builder.Name, builder.Services);
        services.TryAddSingleton<T>();
        services.TryAddSingleton(TimeProvider.System);
        services.AddOptions<ServingOptions>(name);
        if (configure is not null)
            services.Configure(name, configure);
        if (services.Any(service => service.ServiceType == typeof(RankServing) && Equals(service.ServiceKey, name)))
            return builder;
        services.AddKeyedSingleton(name, (provider, _) => new RankServing(
            provider.GetRequiredKeyedService<IElasticGroup>(name),
            provider.GetRequiredService<T>().Model,
            provider.GetRequiredService<IOptionsMonitor<ServingOptions>>().Get(name),
            provider.GetRequiredService<ILogger<RankServing>>(),
            provider.GetRequiredService<TimeProvider>()));
        services.AddKeyedSingleton<IElasticWorkload>(name, (provider, _) => new ServingWorkload(provider.GetRequiredService<T>(), () => provider.GetRequiredKeyedService<RankServing>(name)));
        services.AddSingleton<IHostedService>(provider => provider.GetRequiredKeyedService<RankServing>(name));
        return builder;
    }

    /// <summary>
    /// Takes requests in this process and gives them to the ranks. The front end is keyed by the group's name, and also there without a key where there
    /// is only one. An <see cref="IServingObserver"/> among the services is told what happens to requests.
    /// </summary>
    /// <param name="builder">Builder of a client.</param>
    /// <param name="options">What it takes, and what ranks have room for.</param>
    public static IElasticEpBuilder UseFrontEnd(this IElasticEpBuilder builder, FrontEndOptions options)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(options);
        var (name, services) = (builder.Name, builder.Services);
        if (services.Any(service => service.ServiceType == typeof(FrontEnd) && Equals(service.ServiceKey, name)))
            return builder;
        services.TryAddSingleton(TimeProvider.System);
        services.AddKeyedSingleton(name, (provider, _) => new FrontEnd(
            provider.GetRequiredKeyedService<IElasticGroupClient>(name),
            options,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<FrontEnd>>(),
            provider.GetService<IServingObserver>()));
        services.TryAddSingleton(provider => provider.GetRequiredKeyedService<FrontEnd>(name));
        services.AddSingleton<IHostedService>(provider => provider.GetRequiredKeyedService<FrontEnd>(name));
        return builder;
    }
}
