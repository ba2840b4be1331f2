using ElasticEp;
using ElasticEp.Composition;
using ElasticEp.Transport;
using ElasticEp.Transports.Rdma;
using ElasticEp.Transports.Rdma.Connections;
using ElasticEp.Transports.Rdma.Registration;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Lets the processes of a group exchange data and weights over UCX.</summary>
public static class RdmaBuilderExtensions
{
    /// <summary>
    /// Sends data and weights over UCX: InfiniBand and RoCE verbs, shared memory or TCP, whichever it finds. The transport that the group uses so far
    /// goes on to connect and authenticate processes, to carry the control link and to say when a peer is gone; register it first. All
    /// processes of a group have to use the same. What goes over UCX is not encrypted.
    /// </summary>
    /// <param name="builder">Builder of a rank or a client, with a transport.</param>
    /// <param name="configure">Sets options, after the configuration section <c>ElasticEp:Rdma</c> has set them.</param>
    /// <exception cref="InvalidOperationException">The group has no transport yet.</exception>
    public static IElasticEpBuilder UseRdmaTransport(this IElasticEpBuilder builder, Action<RdmaOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var (services, name) = (builder.Services, builder.Name);
        var isInUse = builder.ChooserOf<ITransport>() == nameof(UseRdmaTransport);
        var control = builder.Find<ITransport>()
            ?? throw new InvalidOperationException($"Group '{name}' has no transport for its control link; call UseTcpTransport() before UseRdmaTransport().");
        AddOptions(builder, configure);
        if (isInUse)
            return builder;
        services.RemoveAllKeyed<ITransport>(name);
        builder.Choose<ITransport>(nameof(UseRdmaTransport), provider => new RdmaTransport(
            CreateControl(control, provider, name),
            provider.GetRequiredService<IOptionsMonitor<RdmaOptions>>().Get(name),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILoggerFactory>()));
        return builder;
    }

    private static void AddOptions(IElasticEpBuilder builder, Action<RdmaOptions>? configure)
    {
        var (services, name) = (builder.Services, builder.Name);
        var options = services.AddOptions<RdmaOptions>(name);
        if (builder.Find<RdmaGroup>() is null)
        {
            options.Configure<IServiceProvider>((rdma, provider) => RdmaConfiguration.Bind(rdma, name, provider.GetService<IConfiguration>())).ValidateOnStart();
            services.TryAddSingleton(TimeProvider.System);
            services.AddSingleton<IValidateOptions<RdmaOptions>>(new RdmaOptionsValidator(name, NetworkDevices.Find));
            services.AddKeyedSingleton(name, new RdmaGroup());
        }

        if (configure is not null)
            options.Configure(configure);
    }

    /// <summary>The RDMA transport owns it, and ends it with its own end.</summary>
    private static ITransport CreateControl(ServiceDescriptor control, IServiceProvider provider, object? key) => (ITransport)(
        control.KeyedImplementationInstance
        ?? control.KeyedImplementationFactory?.Invoke(provider, key)
        ?? ActivatorUtilities.CreateInstance(provider, control.KeyedImplementationType!));
}
