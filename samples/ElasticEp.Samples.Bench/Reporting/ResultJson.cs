using System.Globalization;
using System.Text.Json;
using ElasticEp.Samples.Bench.Measuring;
using ElasticEp.Samples.Bench.Scaling;

namespace ElasticEp.Samples.Bench.Reporting;

/// <summary>The file of <c>--save-result</c>: the field names of <c>vllm bench serve</c>, and what is ours under <c>elasticep</c>.</summary>
internal static class ResultJson
{
    private const double SeriesWidth = 1;

    public static void Write(Stream stream, BenchResult result)
    {
        using var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true });
        writer.WriteStartObject();
        WriteSetting(writer, result);
        WriteMetrics(writer, result);
        if (result.Options.IsDetailed)
            WriteRequests(writer, result.Requests);
        WriteOurs(writer, result);
        writer.WriteEndObject();
    }

    private static void WriteSetting(Utf8JsonWriter writer, BenchResult result)
    {
        var options = result.Options;
        writer.WriteString("date", result.Date.ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture));
        writer.WriteString("backend", "openai");
        writer.WriteString("model_id", result.Model.Id);
        writer.WriteString("dataset_name", options.Dataset.ToString().ToLowerInvariant());
        writer.WriteNumber("num_prompts", options.Prompts);
        if (double.IsFinite(options.RequestRate))
            writer.WriteNumber("request_rate", options.RequestRate);
        else
            writer.WriteString("request_rate", "inf");
        if (double.IsFinite(options.Burstiness))
            writer.WriteNumber("burstiness", options.Burstiness);
        else
            writer.WriteString("burstiness", "inf");
        WriteOptional(writer, "max_concurrency", options.MaxConcurrency);
        writer.WriteNumber("seed", options.Seed);
        writer.WriteNumber("random_input_len", options.InputLength);
        writer.WriteNumber("random_output_len", options.OutputLength);
        writer.WriteBoolean("ignore_eos", options.IgnoresEos);
    }

    private static void WriteMetrics(Utf8JsonWriter writer, BenchResult result)
    {
        var metrics = result.Metrics;
        writer.WriteNumber("duration", metrics.Duration);
        writer.WriteNumber("completed", metrics.Completed);
        writer.WriteNumber("failed", metrics.Failed);
        writer.WriteNumber("total_input_tokens", metrics.InputTokens);
        writer.WriteNumber("total_output_tokens", metrics.OutputTokens);
        writer.WriteNumber("request_throughput", metrics.RequestThroughput);
        WriteOptional(writer, "request_goodput", metrics.RequestGoodput);
        writer.WriteNumber("output_throughput", metrics.OutputThroughput);
        writer.WriteNumber("total_token_throughput", metrics.TotalThroughput);
        writer.WriteNumber("max_output_tokens_per_s", metrics.PeakOutputThroughput);
        writer.WriteNumber("max_concurrent_requests", metrics.PeakConcurrency);
        foreach (var metric in MetricName.All.Where(metric => result.Options.PercentileMetrics.Contains(metric.Key)))
        {
            var summary = metrics.Latencies(metric.Key);
            writer.WriteNumber($"mean_{metric.Key}_ms", summary.Mean);
            writer.WriteNumber($"median_{metric.Key}_ms", summary.Median);
            writer.WriteNumber($"std_{metric.Key}_ms", summary.StandardDeviation);
            foreach (var (percentile, value) in summary.Percentiles)
                writer.WriteNumber(string.Create(CultureInfo.InvariantCulture, $"p{percentile}_{metric.Key}_ms"), value);
        }
    }

    private static void WriteRequests(Utf8JsonWriter writer, IReadOnlyList<RequestOutcome> requests)
    {
        WriteEach(writer, "input_lens", requests, request => writer.WriteNumberValue(request.InputTokens));
        WriteEach(writer, "output_lens", requests, request => writer.WriteNumberValue(request.IsSuccess ? request.OutputTokens : 0));
        WriteEach(writer, "start_times", requests, request => writer.WriteNumberValue(request.Start));
        WriteEach(writer, "ttfts", requests, request => writer.WriteNumberValue(request.Chunks.Count == 0 ? 0 : request.TimeToFirstToken));
        WriteEach(writer, "itls", requests, request =>
        {
            writer.WriteStartArray();
            for (var i = 1; i < request.Chunks.Count; i++)
                writer.WriteNumberValue(request.Chunks[i].Time - request.Chunks[i - 1].Time);
            writer.WriteEndArray();
        });
        WriteEach(writer, "errors", requests, request => writer.WriteStringValue(request.Error ?? ""));
    }

    private static void WriteOurs(Utf8JsonWriter writer, BenchResult result)
    {
        writer.WriteStartObject("elasticep");
        var longestGap = StreamGaps.Longest(result.Requests);
        WriteOptional(writer, "longest_gap_ms", longestGap?.Length * 1000);
        WriteOptional(writer, "longest_gap_from_s", longestGap?.From);
        WriteEach(writer, "output_tokens_per_second", TokenRate.Series(result.Requests, result.Duration, SeriesWidth), writer.WriteNumberValue);
        WriteEach(writer, "resizes", result.Resizes, resize => WriteResize(writer, resize, result.ScaleReports.FirstOrDefault(report => report.Outcome == resize)));
        writer.WriteEndObject();
    }

    private static void WriteResize(Utf8JsonWriter writer, ScaleOutcome resize, ScaleReport? report)
    {
        writer.WriteStartObject();
        writer.WriteNumber("size", resize.Step.Size);
        writer.WriteNumber("planned_s", resize.Step.At.TotalSeconds);
        writer.WriteBoolean("made", report is not null);
        WriteOptional(writer, "start_s", resize.Start);
        WriteOptional(writer, "time_ms", (resize.End - resize.Start) * 1000);
        WriteOptional(writer, "http_status", resize.Status);
        WriteOptional(writer, "longest_gap_ms", report?.LongestGap * 1000);
        WriteOptional(writer, "output_throughput_before", report?.ThroughputBefore);
        WriteOptional(writer, "output_throughput_during", report?.ThroughputDuring);
        WriteOptional(writer, "output_throughput_after", report?.ThroughputAfter);
        writer.WriteString("error", resize.Error);
        writer.WritePropertyName("answer");
        WriteAnswer(writer, resize.Body);
        writer.WriteEndObject();
    }

    /// <summary>The server's JSON as it came, or its text when it is not JSON.</summary>
    private static void WriteAnswer(Utf8JsonWriter writer, string? body)
    {
        try
        {
            using var json = JsonDocument.Parse(body ?? "null");
            json.RootElement.WriteTo(writer);
        }
        catch (JsonException)
        {
            writer.WriteStringValue(body);
        }
    }

    private static void WriteEach<T>(Utf8JsonWriter writer, string name, IEnumerable<T> items, Action<T> write)
    {
        writer.WriteStartArray(name);
        foreach (var item in items)
            write(item);
        writer.WriteEndArray();
    }

    private static void WriteOptional(Utf8JsonWriter writer, string name, double? value)
    {
        if (value is { } number)
            writer.WriteNumber(name, number);
        else
            writer.WriteNull(name);
    }
}
