using ElasticEp;
using ElasticEp.Composition;
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
    /// <param name="configure">Sets options, after the configuration sections <c>ElasticEp</c> and <c>ElasticEp:Groups:{name}</c> have set them.</param>
    public static IElasticEpBuilder UseTcpTransport(this IElasticEpBuilder builder, Action<TcpOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var (services, name) = (builder.Services, builder.Name);
        var isNew = builder.Find<TcpGroup>() is null;
        var options = services.AddOptions<TcpOptions>(name);
        if (isNew)
            options.Configure<IServiceProvider>((tcp, provider) => TcpConfiguration.Bind(tcp, name, provider.GetService<IConfiguration>()));
        if (configure is not null)
            options.Configure(configure);
        if (isNew)
            AddParts(builder, options);
        if (builder.ChooserOf<ITransport>() != "UseRdmaTransport") // which has this one for its control link
        {
            builder.Choose<ITransport>(nameof(UseTcpTransport), provider => new TcpTransport(
                provider.GetRequiredKeyedService<TcpGroup>(name).Options,
                provider.GetRequiredService<TimeProvider>(),
                provider.GetRequiredService<ILoggerFactory>()));
        }

        builder.Choose<IRendezvousStore>(nameof(UseTcpTransport), provider => CreateStore(provider, name));
        return builder;
    }

    private static void AddParts(IElasticEpBuilder builder, OptionsBuilder<TcpOptions> options)
    {
        var (services, name) = (builder.Services, builder.Name);
        options.PostConfigure<IServiceProvider>((tcp, provider) => TcpConfiguration.CompleteSecret(tcp, name, provider.GetService<IConfiguration>(), provider.GetKeyedService<TcpStoreHost>(name)));
        options.ValidateOnStart();
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<IValidateOptions<TcpOptions>>(provider => new TcpOptionsValidator(name, provider.GetKeyedService<TcpStoreHost>(name) is not null));
        services.AddKeyedSingleton(name, (provider, _) => new TcpGroup(provider.GetRequiredService<IOptionsMonitor<TcpOptions>>().Get(name)));
        services.AddKeyedSingleton<IWorkerEnvironment>(name, (provider, _) => new TcpWorkerEnvironment(
            name, provider.GetRequiredKeyedService<TcpGroup>(name).Options, provider.GetKeyedService<TcpStoreHost>(name)));
    }

    /// <summary>
    /// Serves the group's store in this process: for the gateway, which outlives every rank. Without a join secret or TLS a random secret is
    /// drawn, which processes that this one launches are given; a store that other machines can reach needs one of the two. The last call wins.
    /// </summary>
    /// <param name="builder">Builder of a client that uses the TCP transport.</param>
    /// <param name="bindAddress"><c>host:port</c> to listen at, port 0 for any free one; this machine only by default.</param>
    public static IElasticEpBuilder HostTcpStore(this IElasticEpBuilder builder, string bindAddress = "127.0.0.1:0")
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(bindAddress);
        var name = builder.Name;
        if (builder.Find<TcpStoreHost>() is null)
            builder.Services.AddSingleton<IHostedService>(provider => provider.GetRequiredKeyedService<TcpStoreHost>(name));
        builder.Choose<TcpStoreHost>(nameof(HostTcpStore), provider => new TcpStoreHost(
            bindAddress,
            () => provider.GetRequiredKeyedService<TcpGroup>(name).Options,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILoggerFactory>()));
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
