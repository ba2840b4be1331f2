using System.Security.Cryptography;
using ElasticEp.Hosting;
using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Server.Elastic;
using ElasticEp.Samples.Server.Http;
using ElasticEp.Samples.Server.Metrics;
using ElasticEp.Samples.Server.Page;
using ElasticEp.Samples.Serving;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Prometheus;

namespace ElasticEp.Samples.Server;

/// <summary>Builds the server: an HTTP front end that is a client of the group, and ranks that it launches, in processes or in hosts of their own.</summary>
internal static class ServerApp
{
    /// <summary>Read by .NET at the first use of a socket.</summary>
    public const string InlineCompletions = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";

    private const string Kestrel = "Microsoft.AspNetCore.Server.Kestrel";

    private static readonly TimeSpan GroupStopTimeout = TimeSpan.FromSeconds(30);

    /// <exception cref="ArgumentException">An argument is wrong.</exception>
    /// <exception cref="ModelLoadException">The model cannot be used.</exception>
    public static WebApplication Build(string[] args, Action<WebApplicationBuilder>? configure = null)
    {
        ServerOptions.Check(args);
        var builder = WebApplication.CreateSlimBuilder(["--hostBuilder:reloadConfigOnChange", "false", .. args]);
        builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning);
        builder.Logging.AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks", LogLevel.Critical); // probes ask before there is a group
        configure?.Invoke(builder);
        var settings = ServerSettings.Read(builder.Configuration);
        if (settings.HealthPort is not null)
            throw new ArgumentException("--health-port is for workers that somebody else starts, each with its own; the server itself answers probes at its --urls.");
        var origins = CrossOrigin.Read(builder.Configuration);
        var addresses = AddHttp(builder, origins);
        var generation = settings.ReadGenerationConfig();
        var checkpoint = Checkpoint.Open(settings.ModelDirectory, generation);
        var codec = TextCodec.Load(settings.ModelDirectory);
        var limits = GroupSetup.Limits(checkpoint.Config, settings);
        AddGroup(builder.Services, checkpoint, settings)
            .UseFrontEnd(new FrontEndOptions { Capacity = settings.QueueCapacity, Limits = limits, MaxPromptTokensPerStep = GroupSetup.MaxPromptTokens(settings), MaxQueueTime = settings.MaxQueueTime });
        builder.Services.AddSingleton(codec);
        builder.Services.AddSingleton(ServedModel.Of(settings, checkpoint.Config, limits, generation));
        AddFrontEnd(builder.Services, settings);
        builder.AddTraceExport();
        builder.Services.AddHealthChecks().AddElasticExpertParallel(GroupSetup.GroupName);
        builder.Services.ConfigureHttpJsonOptions(options => options.SerializerOptions.TypeInfoResolverChain.Insert(0, HttpJson.Default));
        var app = builder.Build();
        GroupSetup.LogLength(app.Logger, checkpoint.Config, settings, limits);
        app.Use(RequestIds.SetAsync);
        app.Use(HttpErrors.HandleAsync);
        app.UseRouting();
        if (origins.Length > 0)
            app.UseCors();
        app.UseKeyCheck(addresses);
        app.MapGeneration();
        app.MapServer();
        app.MapElastic();
        app.Services.GetRequiredService<ElasticMetrics>();
        app.Services.GetRequiredService<StopGrace>().Over.Register(app.Services.GetRequiredService<FrontEnd>().StopServing);
        app.MapMetrics();
        app.MapLivePage();
        app.MapHealth();
        return app;
    }

    /// <summary>Starts it. What Kestrel cannot do as it is configured is said as of any other option.</summary>
    /// <exception cref="ArgumentException">HTTP cannot be served as configured.</exception>
    public static async Task StartAsync(WebApplication app)
    {
        try
        {
            await app.StartAsync();
        }
        catch (Exception exception) when (exception is InvalidOperationException or CryptographicException or FormatException && exception.StackTrace?.Contains(Kestrel, StringComparison.Ordinal) == true)
        {
            throw new ArgumentException($"HTTP cannot be served as configured: {exception.Message}", exception);
        }
    }

    private static ListenAddresses AddHttp(WebApplicationBuilder builder, string[] origins)
    {
        var addresses = ListenAddresses.Choose(builder.Configuration, builder.WebHost);
        addresses.FilterHosts(builder.Services, builder.Configuration);
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = JsonInput.MaxBodyBytes;
            kestrel.ConfigureEndpointDefaults(listen => listen.Protocols = HttpProtocols.Http1); // a rate below which Kestrel cuts readers cannot be switched off for a stream of HTTP/2
        });
        builder.Services.AddSingleton(ApiKeys.Read(builder.Configuration));
        if (origins.Length > 0)
            builder.Services.AddCrossOrigin(origins);
        return addresses;
    }

    private static void AddFrontEnd(IServiceCollection services, ServerSettings settings)
    {
        services.AddSingleton(settings);
        services.AddSingleton<StopGrace>();
        services.AddSingleton<LongPrompts>();
        services.Configure<HostOptions>(host => host.ShutdownTimeout = settings.ShutdownTimeout + GroupStopTimeout);
        services.AddSingleton(_ => Prometheus.Metrics.NewCustomRegistry());
        services.AddSingleton(provider => new ServingMetrics(provider.GetRequiredService<CollectorRegistry>(), provider.GetRequiredService<ServedModel>().Id, provider.GetRequiredService<RankReports>(), provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<RankReports>();
        services.AddSingleton<IServingObserver>(provider => provider.GetRequiredService<ServingMetrics>());
        services.AddSingleton<ScaleOperations>();
        services.AddSingleton<LiveView>();
        services.AddSingleton<ElasticMetrics>();
    }

    private static IElasticEpBuilder AddGroup(IServiceCollection services, Checkpoint checkpoint, ServerSettings settings)
    {
        var client = services.AddElasticExpertParallelClient(GroupSetup.GroupName, options => GroupSetup.Fill(options, checkpoint.Config, settings));
        if (settings.IsInProcess)
        {
            var model = ModelSource.Of(checkpoint);
            client.UseInProcessLauncher(new InProcessCluster(), (rank, _) => GroupSetup.AddServing(rank, model, settings));
            return client;
        }

        client.UseTcpTransport(tcp =>
            (tcp.StoreAddress, tcp.StoreFile, tcp.JoinSecretFile) = (settings.Store ?? tcp.StoreAddress, settings.StoreFile ?? tcp.StoreFile, settings.JoinSecretFile));
        if (settings.UsesRdma)
            client.UseRdmaTransport();
        if (settings.Store is null)
            client.HostTcpStore(settings.StoreBind);
        if (!settings.HasExternalWorkers)
        {
            client.UseLocalProcessLauncher(launcher =>
            {
                launcher.Arguments = ServerOptions.ForWorkers(Environment.GetCommandLineArgs()[1..]);
                launcher.Environment[ApiKeys.Variable] = null;
                launcher.Environment[ModelSource.ConfigVariable] = ModelSource.Describe(settings.ModelDirectory, checkpoint.Config);
                launcher.Environment[InlineCompletions] = null; // workers compute where their frames arrive
                launcher.Environment[ModelSource.WeightTypeVariable] = $"{checkpoint.WeightType}";
            });
        }

        return client;
    }
}
