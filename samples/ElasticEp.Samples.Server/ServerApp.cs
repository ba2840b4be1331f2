using ElasticEp.Hosting;
using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Server.Http;
using ElasticEp.Samples.Server.Serving;

namespace ElasticEp.Samples.Server;

/// <summary>Builds the server: an HTTP front end that is a client of the group, and ranks in hosts of their own.</summary>
internal static class ServerApp
{
    public const string GroupName = "chat";

    private const int MaxTokensPerRank = 256;
    private const int QueueCapacity = 4096;

    /// <exception cref="ArgumentException">An argument is wrong.</exception>
    /// <exception cref="ModelLoadException">The model cannot be used.</exception>
    public static WebApplication Build(string[] args, Action<WebApplicationBuilder>? configure = null)
    {
        var builder = WebApplication.CreateSlimBuilder(args);
        builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning);
        configure?.Invoke(builder);
        var settings = ServerSettings.Read(builder.Configuration);
        if (builder.Configuration["urls"] is null)
            builder.WebHost.UseUrls("http://localhost:8000");
        var checkpoint = Checkpoint.Open(settings.ModelDirectory);
        var codec = TextCodec.Load(settings.ModelDirectory);
        AddGroup(builder.Services, checkpoint, settings);
        builder.Services.AddSingleton(codec);
        builder.Services.AddSingleton(new ServedModel(Path.GetFileName(Path.TrimEndingDirectorySeparator(settings.ModelDirectory)), checkpoint.Config));
        builder.Services.AddSingleton(provider => new FrontEnd(provider.GetRequiredService<IElasticGroupClient>(), QueueCapacity, provider.GetRequiredService<ILogger<FrontEnd>>()));
        builder.Services.AddHostedService(provider => provider.GetRequiredService<FrontEnd>());
        builder.Services.AddHealthChecks().AddElasticExpertParallel(GroupName);
        builder.Services.ConfigureHttpJsonOptions(options => options.SerializerOptions.TypeInfoResolverChain.Insert(0, HttpJson.Default));
        var app = builder.Build();
        app.MapCompletions();
        app.MapElastic();
        app.MapHealthChecks("/health");
        return app;
    }

    private static void AddGroup(IServiceCollection services, Checkpoint checkpoint, ServerSettings settings)
    {
        var config = checkpoint.Config;
        services.AddElasticExpertParallelClient(GroupName, options =>
        {
            options.MaxRanks = settings.MaxRanks;
            options.InitialRanks = settings.Ranks;
            options.Model = new MoeModelShape
            {
                MoeLayers = config.SparseLayers.Count,
                Experts = config.Experts,
                TopK = config.TopK,
                HiddenSize = config.HiddenSize,
                RowType = ElementType.Float32, // bfloat16 rows would flip some greedy tokens
            };
            options.MaxTokensPerRank = MaxTokensPerRank;
            options.SlotsPerRank = config.Experts;
        }).UseInProcessLauncher(new InProcessCluster(), (rank, _) =>
        {
            rank.Services.AddSingleton(provider => new Qwen3Workload(
                checkpoint, provider.GetRequiredService<Microsoft.Extensions.Options.IOptionsMonitor<ElasticEpOptions>>().Get(GroupName)));
            rank.UseWorkload<Qwen3Workload>();
            rank.Services.AddSingleton<RankServing>();
            rank.Services.AddHostedService(provider => provider.GetRequiredService<RankServing>());
        });
    }
}
