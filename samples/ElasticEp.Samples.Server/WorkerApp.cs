using ElasticEp.Samples.Qwen3Moe;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging.Console;

namespace ElasticEp.Samples.Server;

/// <summary>A worker process: one rank.</summary>
internal static class WorkerApp
{
    /// <exception cref="ArgumentException">An argument is wrong, or the model cannot be used.</exception>
    public static void Configure(HostApplicationBuilder builder)
    {
        ServerOptions.Check(Environment.GetCommandLineArgs()[1..]);
        builder.Logging.AddSimpleConsole(console => (console.SingleLine, console.ColorBehavior) = (true, LoggerColorBehavior.Disabled));
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning);
        var settings = ServerSettings.Read(builder.Configuration);
        var model = OpenModel(settings);
        var rank = builder.Services
            .AddElasticExpertParallel(GroupSetup.GroupName, options => GroupSetup.Fill(options, model.Config, settings))
            .UseTcpTransport(tcp => (tcp.StoreAddress, tcp.JoinSecretFile) = (settings.Store ?? tcp.StoreAddress, settings.JoinSecretFile));
        if (settings.UsesRdma)
            rank.UseRdmaTransport();
        GroupSetup.AddServing(rank, model, settings);
        if (settings.HealthPort is not { } port)
            return;
        builder.Services.AddHealthChecks().AddElasticExpertParallel(GroupSetup.GroupName);
        builder.Services.AddHostedService(provider => new WorkerHealth(port, provider.GetRequiredService<HealthCheckService>()));
    }

    private static ModelSource OpenModel(ServerSettings settings)
    {
        try
        {
            return ModelSource.ForWorker(settings.ModelDirectory, settings.ReadGenerationConfig);
        }
        catch (ModelLoadException exception)
        {
            throw new ArgumentException(exception.Message, exception);
        }
    }
}
