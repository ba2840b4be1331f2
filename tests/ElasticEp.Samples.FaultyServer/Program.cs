using ElasticEp.Hosting;
using ElasticEp.Runtime;
using ElasticEp.Samples.FaultyServer;
using ElasticEp.Samples.Server;

// The server of the samples, whose workers die where a test wants it.
var worker = await ElasticEpWorker.RunAsync(args, builder =>
{
    WorkerApp.Configure(builder);
    builder.Services.AddSingleton<IFaultInjector, ProcessFaults>();
});
if (worker is { } exitCode)
    return exitCode;

await using var app = ServerApp.Build(args);
await app.StartAsync();
Console.WriteLine($"Serving at {app.Urls.First()}. Try:"); // as the server says it
await app.WaitForShutdownAsync();
return 0;
