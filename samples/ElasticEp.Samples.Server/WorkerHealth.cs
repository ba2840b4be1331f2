using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace ElasticEp.Samples.Server;

/// <summary>Answers probes of a worker over HTTP: <c>/health/live</c> and <c>/health/ready</c>. Only when a port was asked for.</summary>
internal sealed class WorkerHealth(int port, HealthCheckService checks) : IHostedLifecycleService
{
    private WebApplication? _app;

    /// <summary>Before the rank joins: it is alive, and not ready, all the time until it is admitted.</summary>
    public async Task StartingAsync(CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://*:{port}");
        _app = builder.Build();
        _app.MapGet("/health/{tag:regex(^(live|ready)$)}", async (string tag, CancellationToken token) =>
        {
            var report = await checks.CheckHealthAsync(check => check.Tags.Contains(tag), token);
            return Results.Text(
                string.Join('\n', report.Entries.Select(entry => $"{entry.Key}: {entry.Value.Status}, {entry.Value.Description}")),
                statusCode: new HealthCheckOptions().ResultStatusCodes[report.Status]);
        });
        await _app.StartAsync(cancellationToken);
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task StoppedAsync(CancellationToken cancellationToken)
    {
        if (_app is not null)
            await _app.DisposeAsync();
    }
}
