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
        _app.MapGet("/health/live", context => CheckAsync("live", context));
        _app.MapGet("/health/ready", context => CheckAsync("ready", context));
        await _app.StartAsync(cancellationToken);
    }

    private async Task CheckAsync(string tag, HttpContext context)
    {
        var report = await checks.CheckHealthAsync(check => check.Tags.Contains(tag), context.RequestAborted);
        context.Response.StatusCode = report.Status == HealthStatus.Unhealthy ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status200OK;
        await context.Response.WriteAsync(string.Join('\n', report.Entries.Select(entry => $"{entry.Key}: {entry.Value.Status}, {entry.Value.Description}")), context.RequestAborted);
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
