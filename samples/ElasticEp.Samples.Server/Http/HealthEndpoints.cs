using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace ElasticEp.Samples.Server.Http;

/// <summary>
/// Probes of the gateway. <c>/health</c> is liveness, as vLLM's users take it: a supervisor that starts the gateway again because a rank is
/// dead would end what still serves.
/// </summary>
internal static class HealthEndpoints
{
    public static void MapHealth(this IEndpointRouteBuilder app)
    {
        Map("/health", "live");
        Map("/health/live", "live");
        Map("/health/ready", "ready");

        void Map(string path, string tag) => app.MapHealthChecks(path, new HealthCheckOptions { Predicate = check => check.Tags.Contains(tag), ResponseWriter = WriteAsync }).AllowAnonymous();
    }

    /// <summary>One word, and what is wrong when something is.</summary>
    private static Task WriteAsync(HttpContext context, HealthReport report)
    {
        context.Response.ContentType = "text/plain; charset=utf-8";
        var unwell = report.Entries.Values.Where(entry => entry.Status != HealthStatus.Healthy).Select(entry => $"\n{entry.Description}");
        return context.Response.WriteAsync($"{report.Status}{string.Concat(unwell)}", context.RequestAborted);
    }
}
