using System.Globalization;
using ElasticEp.Samples.Bench.Measuring;
using ElasticEp.Samples.Bench.Options;

namespace ElasticEp.Samples.Bench.Reporting;

/// <summary>The table that ends a run: the lines of <c>vllm bench serve</c>, in its order and its layout.</summary>
internal static class ResultTable
{
    public static string Render(RunMetrics metrics, ServeOptions options)
    {
        var table = new TableText();
        table.Heading(" Serving Benchmark Result ", '=');
        table.Count("Successful requests:", metrics.Completed);
        table.Count("Failed requests:", metrics.Failed);
        if (options.MaxConcurrency is { } concurrency)
            table.Count("Maximum request concurrency:", concurrency);
        if (double.IsFinite(options.RequestRate))
            table.Line("Request rate configured (RPS):", options.RequestRate);
        table.Line("Benchmark duration (s):", metrics.Duration);
        table.Count("Total input tokens:", metrics.InputTokens);
        table.Count("Total generated tokens:", metrics.OutputTokens);
        table.Line("Request throughput (req/s):", metrics.RequestThroughput);
        if (metrics.RequestGoodput is { } goodput)
            table.Line("Request goodput (req/s):", goodput);
        table.Line("Output token throughput (tok/s):", metrics.OutputThroughput);
        table.Line("Peak output token throughput (tok/s):", metrics.PeakOutputThroughput);
        table.Line("Peak concurrent requests:", metrics.PeakConcurrency);
        table.Line("Total token throughput (tok/s):", metrics.TotalThroughput);
        foreach (var metric in MetricName.All)
        {
            if (options.PercentileMetrics.Contains(metric.Key))
                Latencies(table, metric, metrics.Latencies(metric.Key));
        }

        table.Rule();
        return table.ToString();
    }

    private static void Latencies(TableText table, MetricName metric, LatencySummary summary)
    {
        table.Heading(metric.Title);
        table.Line($"Mean {metric.Label} (ms):", summary.Mean);
        table.Line($"Median {metric.Label} (ms):", summary.Median);
        foreach (var (percentile, value) in summary.Percentiles)
            table.Line(string.Create(CultureInfo.InvariantCulture, $"P{percentile} {metric.Label} (ms):"), value);
    }
}
