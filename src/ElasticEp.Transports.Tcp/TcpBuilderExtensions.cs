using ElasticEp;
using ElasticEp.Rendezvous;
using ElasticEp.Scaling;
using ElasticEp.Transport;
using ElasticEp.Transports.Tcp;
using ElasticEp.Transports.Tcp.Connecting;
using ElasticEp.Transports.Tcp.Registration;
using ElasticEp.Transports.Tcp.Store;
using ElasticEp.Transports.Tcp.Transport;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Lets the processes of a group talk over TCP.</summary>
public static class TcpBuilderExtensions
{
    /// <summary>
    /// Uses the TCP transport, with Unix domain sockets between processes of one host, and the TCP store at
    /// <see cref="TcpOptions.StoreAddress"/>.
    /// </summary>
    /// <param name="builder">Builder of a rank or a client.</param>
    /// <param name="configure">Sets options, after the configuration section <c>ElasticEp</c> has set them.</param>
    public static IElasticEpBuilder UseTcpTransport(this IElasticEpBuilder builder, Action<TcpOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var (services, name) = (builder.Services, builder.Name);
        var isNew = !services.Any(service => service.IsKeyedService && service.ServiceType == typeof(TcpGroup) && name.Equals(service.ServiceKey));
        var options = services.AddOptions<TcpOptions>(name);
        if (isNew)
            options.Configure<IServiceProvider>((tcp, provider) => TcpConfiguration.Bind(tcp, provider.GetService<IConfiguration>()));
        if (configure is not null)
            options.Configure(configure);
        if (!isNew)
            return builder;
        options.PostConfigure<IServiceProvider>((tcp, provider) => TcpConfiguration.CompleteSecret(tcp, provider.GetService<IConfiguration>(), provider.GetKeyedService<TcpStoreHost>(name)));
        options.ValidateOnStart();
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<IValidateOptions<TcpOptions>>(provider => new TcpOptionsValidator(name, provider.GetKeyedService<TcpStoreHost>(name) is not null));
        services.AddKeyedSingleton(name, (provider, _) => new TcpGroup(provider.GetRequiredService<IOptionsMonitor<TcpOptions>>().Get(name)));
        services.TryAddKeyedSingleton<ITransport>(name, (provider, _) => new TcpTransport(
            provider.GetRequiredKeyedService<TcpGroup>(name).Options,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILoggerFactory>()));
        services.TryAddKeyedSingleton<IRendezvousStore>(name, (provider, _) => CreateStore(provider, name));
        services.AddKeyedSingleton<IWorkerEnvironment>(name, (provider, _) => new TcpWorkerEnvironment(
            provider.GetRequiredKeyedService<TcpGroup>(name).Options, provider.GetKeyedService<TcpStoreHost>(name)));
        return builder;
    }

    /// <summary>
    /// Serves the group's store in this process: for the gateway, which outlives every rank. Without a join secret or TLS a random secret is
    /// drawn, which processes that this one launches are given; a store that other machines can reach needs one of the two.
    /// </summary>
    /// <param name="builder">Builder of a client that uses the TCP transport.</param>
    /// <param name="bindAddress"><c>host:port</c> to listen at, port 0 for any free one; this machine only by default.</param>
    public static IElasticEpBuilder HostTcpStore(this IElasticEpBuilder builder, string bindAddress = "127.0.0.1:0")
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(bindAddress);
        var name = builder.Name;
        builder.Services.TryAddKeyedSingleton(name, (provider, _) => new TcpStoreHost(
            bindAddress,
            () => provider.GetRequiredKeyedService<TcpGroup>(name).Options,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILoggerFactory>()));
        builder.Services.AddSingleton<IHostedService>(provider => provider.GetRequiredKeyedService<TcpStoreHost>(name));
        return builder;
    }

    private static TcpRendezvousStore CreateStore(IServiceProvider provider, string name)
    {
        var options = provider.GetRequiredKeyedService<TcpGroup>(name).Options;
        var host = provider.GetKeyedService<TcpStoreHost>(name);
        return new TcpRendezvousStore(
            token => host is null ? ValueTask.FromResult(HostAddress.Parse(options.StoreAddress!)) : new ValueTask<HostAddress>(host.Address.WaitAsync(token)),
            TcpSecurity.From(options),
            options,
            provider.GetRequiredService<TimeProvider>());
    }
}
