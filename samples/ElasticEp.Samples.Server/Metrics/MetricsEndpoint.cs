using System.Text;
using Prometheus;

namespace ElasticEp.Samples.Server.Metrics;

/// <summary>
/// <c>/metrics</c> in Prometheus' text format. vLLM's names have a colon, which the format allows and the library that counts does not:
/// the colon is put in on the way out.
/// </summary>
internal static class MetricsEndpoint
{
    private const string Inside = "vllm__";
    private const string Outside = "vllm:";

    /// <summary>The name to register for one of vLLM's.</summary>
    public static string Vllm(string name) => Inside + name;

    public static void MapMetrics(this IEndpointRouteBuilder app) => app.MapGet("/metrics", async (HttpContext context, CollectorRegistry registry) =>
    {
        using var collected = new MemoryStream();
        await registry.CollectAndExportAsTextAsync(collected, context.RequestAborted);
        context.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
        await context.Response.WriteAsync(Rename(Encoding.UTF8.GetString(collected.GetBuffer(), 0, (int)collected.Length)), context.RequestAborted);
    }).AllowAnonymous();

    private static string Rename(string text) => string.Concat("\n", text)
        .Replace("\n" + Inside, "\n" + Outside, StringComparison.Ordinal)
        .Replace("\n# HELP " + Inside, "\n# HELP " + Outside, StringComparison.Ordinal)
        .Replace("\n# TYPE " + Inside, "\n# TYPE " + Outside, StringComparison.Ordinal)[1..];
}
