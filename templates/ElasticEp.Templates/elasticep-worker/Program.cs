using ElasticEp;
using ElasticEp.Hosting;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;

// A process that the gateway has started is a worker: one rank, and nothing else.
if (await ElasticEpWorker.RunAsync(args, Group.ConfigureWorker) is { } exitCode)
    return exitCode;

// Any other process is the gateway. It holds no rank: it serves HTTP and the store, and starts the workers.
var builder = WebApplication.CreateBuilder(args);
builder.Services.AddElasticExpertParallelClient(Group.Configure)
    .UseTcpTransport()
    .HostTcpStore()
    .UseLocalProcessLauncher();
builder.Services.AddSingleton<Questions>();
builder.Services.AddHostedService(provider => provider.GetRequiredService<Questions>());
builder.Services.AddHealthChecks().AddElasticExpertParallel();

var app = builder.Build();
app.MapHealthChecks("/health/ready", new HealthCheckOptions { Predicate = check => check.Tags.Contains("ready") });
app.MapGet("/view", (IElasticGroupClient group) => $"{group.View}");
app.MapGet("/answer/{value:float}", (float value, Questions questions, CancellationToken cancellationToken) => questions.AskAsync(value, cancellationToken));
app.MapPost("/scale/{ranks:int}", async (int ranks, IElasticGroupClient group, CancellationToken cancellationToken) =>
{
    try
    {
        var result = await group.ScaleAsync(ranks, cancellationToken: cancellationToken);
        return result.Outcome == ScalePhase.Completed ? Results.Text($"{result.View}") : Results.Problem(result.Reason, statusCode: 409);
    }
    catch (ElasticEpException exception)
    {
        return Results.Problem(exception.Message, statusCode: exception.Code == ElasticEpErrorCode.ScaleInProgress ? 409 : 400);
    }
});
await app.RunAsync();
return 0;
