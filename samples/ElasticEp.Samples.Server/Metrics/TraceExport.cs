using ElasticEp.Diagnostics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace ElasticEp.Samples.Server.Metrics;

/// <summary>
/// Sends the trace of each operation to an OpenTelemetry collector when <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> names one; the other
/// variables of OpenTelemetry's exporter count too. Without it nobody listens, and no trace is made.
/// </summary>
internal static class TraceExport
{
    private const string Endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";

    public static void AddTraceExport(this WebApplicationBuilder builder)
    {
        if (builder.Configuration[Endpoint] is not { Length: > 0 } endpoint)
            return;
        if (!Uri.TryCreate(endpoint, UriKind.Absolute, out _))
            throw new ArgumentException($"{Endpoint} is '{endpoint}'; give the address of a collector, such as http://localhost:4317.");
        builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService("elasticep-server"))
            .WithTracing(traces => traces
                .SetSampler(new AlwaysOnSampler()) // operations are few; the request that asked for one is not sampled, and would take it with it
                .AddSource(ElasticEpTelemetry.ActivitySourceName)
                .AddOtlpExporter());
    }
}
