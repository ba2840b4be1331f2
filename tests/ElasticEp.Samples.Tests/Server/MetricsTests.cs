using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using System.Threading.Channels;
using ElasticEp.Samples.Tests.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace ElasticEp.Samples.Tests.Server;

/// <summary>What dashboards read: vLLM's names with their buckets, ours for resizes, and a trace of each operation.</summary>
public sealed partial class MetricsTests
{
    private const int Tokens = 5;

    private static readonly string[] Names =
    [
        "vllm:num_requests_running gauge", "vllm:num_requests_waiting gauge", "vllm:kv_cache_usage_perc gauge", "vllm:engine_healthy gauge", "vllm:cache_config_info gauge",
        "vllm:eplb_balancedness_min gauge", "vllm:eplb_balancedness_p50 gauge", "vllm:eplb_balancedness_p90 gauge", "vllm:eplb_balancedness_avg gauge",
        "vllm:eplb_rearrangement_seconds gauge", "vllm:eplb_rearrangements_total counter", "vllm:num_preemptions_total counter",
        "vllm:prompt_tokens_total counter", "vllm:generation_tokens_total counter", "vllm:request_success_total counter",
        "vllm:time_to_first_token_seconds histogram", "vllm:inter_token_latency_seconds histogram", "vllm:request_time_per_output_token_seconds histogram",
        "vllm:e2e_request_latency_seconds histogram", "vllm:request_queue_time_seconds histogram", "vllm:request_inference_time_seconds histogram",
        "vllm:request_prefill_time_seconds histogram", "vllm:request_decode_time_seconds histogram", "vllm:iteration_tokens_total histogram",
        "vllm:request_prompt_tokens histogram", "vllm:request_generation_tokens histogram", "vllm:request_params_n histogram", "vllm:request_params_max_tokens histogram",
        "elasticep_ready gauge", "elasticep_view_epoch gauge", "elasticep_members gauge", "elasticep_max_ranks gauge", "elasticep_outstanding_requests gauge", "elasticep_queue_oldest_seconds gauge", "elasticep_rejected_requests_total counter", "elasticep_scaling gauge",
        "elasticep_balancedness gauge", "elasticep_balancedness_min gauge", "elasticep_operation_phase gauge", "elasticep_operations_total counter", "elasticep_operation_seconds histogram",
        "elasticep_pause_seconds histogram", "elasticep_bytes_moved_total counter", "elasticep_bytes_lower_bound_total counter", "elasticep_hand_backs_total counter", "elasticep_recovery_seconds histogram",
        "elasticep_steps_total counter", "elasticep_step_retries_total counter", "elasticep_step_seconds_total counter", "elasticep_step_exchange_seconds_total counter",
        "elasticep_step_wait_seconds_total counter", "elasticep_source_wait_seconds_total counter", "elasticep_view_changes_total counter",
        "elasticep_stale_frames_total counter", "elasticep_weight_bytes_received_total counter",
    ];

    [Fact]
    public async Task Every_name_is_there_and_counts_what_happened()
    {
        await using var server = await TestServer.StartAsync(2);
        var prompt = GoldenFile.Cases[0].PromptIds;
        var scaled = await server.Client.ScaleAsync(new { new_data_parallel_size = 3 });
        await server.CompleteAsync(prompt, Tokens);
        var text = await WaitAsync(server, text => Sum(text, "vllm:iteration_tokens_total_sum") >= prompt.Length + Tokens - 1);

        var types = text.Split('\n').Where(line => line.StartsWith("# TYPE ", StringComparison.Ordinal)).Select(line => line["# TYPE ".Length..]).ToArray();
        Assert.Equal(Names.Order(StringComparer.Ordinal), types.Order(StringComparer.Ordinal));
        Assert.All(text.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.Matches(Line(), line));

        Assert.Equal(prompt.Length, Sum(text, "vllm:prompt_tokens_total"));
        Assert.Equal(Tokens, Sum(text, "vllm:generation_tokens_total"));
        Assert.Equal(prompt.Length + Tokens - 1, Sum(text, "vllm:iteration_tokens_total_sum")); // the last token is not computed on
        Assert.Equal(1, Sum(text, "vllm:request_success_total", "finished_reason=\"length\""));
        Assert.Equal(Tokens - 1, Sum(text, "vllm:inter_token_latency_seconds_count"));
        Assert.Equal(1, Sum(text, "vllm:time_to_first_token_seconds_count"));
        Assert.Equal(1, Sum(text, "vllm:request_params_n_sum"));
        Assert.Equal((3, 2, 0), (Sum(text, "elasticep_members"), Sum(text, "elasticep_view_epoch"), Sum(text, "elasticep_scaling")));
        Assert.Equal(1, Sum(text, "elasticep_operations_total", "outcome=\"completed\""));
        Assert.Equal(scaled.GetProperty("bytes_moved").GetInt64(), Sum(text, "elasticep_bytes_moved_total"));
        Assert.Equal((1, 1), (Sum(text, "elasticep_pause_seconds_count"), Sum(text, "vllm:eplb_rearrangements_total")));
        Assert.Equal(["drain", "launch", "switch", "total", "transfer"], Stage().Matches(text).Select(match => match.Groups[1].Value).Order());
    }

    [Fact]
    public async Task What_operations_do_is_there_at_zero_before_the_first_one()
    {
        await using var server = await TestServer.StartAsync(2);
        var text = await WaitAsync(server, _ => true);
        foreach (var line in (string[])[
            "elasticep_operations_total{outcome=\"completed\"} 0", "elasticep_operations_total{outcome=\"aborted\"} 0", "elasticep_bytes_moved_total 0", "elasticep_bytes_lower_bound_total 0",
            "vllm:eplb_rearrangements_total 0", "elasticep_pause_seconds_count 0", "elasticep_operation_seconds_count{stage=\"total\"} 0", "elasticep_recovery_seconds_count{part=\"replay\"} 0", "elasticep_ready 1", "vllm:engine_healthy{engine=\"0\"} 1", "vllm:engine_healthy{engine=\"1\"} 1"])
            Assert.Contains($"\n{line}\n", text, StringComparison.Ordinal);
        await server.Client.ScaleAsync(new { new_data_parallel_size = 1 });
        text = await WaitAsync(server, text => Sum(text, "elasticep_operations_total", "outcome=\"completed\"") > 0);
        Assert.DoesNotContain("vllm:engine_healthy{engine=\"1\"}", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Scrapes_at_the_same_moment_count_nothing_twice()
    {
        const int Scrapers = 8, Requests = 12;
        await using var server = await TestServer.StartAsync(2);
        var prompt = GoldenFile.Cases[0].PromptIds;
        double expected = Requests * (prompt.Length + Tokens - 1);
        using var stop = new CancellationTokenSource();
        var scrapers = Enumerable.Range(0, Scrapers).Select(_ => Task.Run(ScrapeAsync)).ToArray();
        for (var request = 0; request < Requests; request++)
            await server.CompleteAsync(prompt, Tokens);
        var text = await WaitAsync(server, text => Sum(text, "vllm:iteration_tokens_total_sum") >= expected);
        await stop.CancelAsync();
        await Task.WhenAll(scrapers);
        Assert.Equal(expected, Sum(text, "vllm:iteration_tokens_total_sum"));

        async Task ScrapeAsync()
        {
            while (!stop.IsCancellationRequested)
                Assert.NotEmpty(await server.Http.GetStringAsync("/metrics"));
        }
    }

    [Fact]
    public void Every_name_is_explained_in_the_documents()
    {
        var document = Docs.RepositoryFiles.Read("docs/metrics.md");
        Assert.All(Names, name => Assert.Contains($"`{name.Split(' ')[0]}`", document, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("time_to_first_token_seconds", "0.001 0.005 0.01 0.02 0.04 0.06 0.08 0.1 0.25 0.5 0.75 1 2.5 5 7.5 10 20 40 80 160 640 2560 +Inf")]
    [InlineData("inter_token_latency_seconds", "0.01 0.025 0.05 0.075 0.1 0.15 0.2 0.3 0.4 0.5 0.75 1 2.5 5 7.5 10 20 40 80 +Inf")]
    [InlineData("e2e_request_latency_seconds", "0.3 0.5 0.8 1 1.5 2 2.5 5 10 15 20 30 40 50 60 120 240 480 960 1920 7680 +Inf")]
    [InlineData("iteration_tokens_total", "1 8 16 32 64 128 256 512 1024 2048 4096 8192 16384 +Inf")]
    public async Task Buckets_are_those_of_vllm(string name, string buckets)
    {
        await using var server = await TestServer.StartAsync(1);
        await server.CompleteAsync([1, 2, 3], 2);
        var text = await WaitAsync(server, text => Sum(text, "vllm:iteration_tokens_total_count") > 0);
        Assert.Equal(buckets.Split(' '), Regex.Matches(text, $"vllm:{name}_bucket{{[^}}]*le=\"([^\"]+)\"").Select(match => match.Groups[1].Value));
    }

    [Fact]
    public async Task A_collector_gets_a_trace_of_each_operation_with_its_stages()
    {
        var heard = Channel.CreateUnbounded<string>();
        var builder = WebApplication.CreateSlimBuilder(["--urls", "http://127.0.0.1:0", "--Logging:LogLevel:Default", "Error"]);
        await using var collector = builder.Build();
        collector.MapPost("/v1/traces", async (HttpContext context) =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            heard.Writer.TryWrite(System.Text.Encoding.Latin1.GetString(body.ToArray()));
        });
        await collector.StartAsync();
        await using var server = await TestServer.StartAsync(1, "--OTEL_EXPORTER_OTLP_ENDPOINT", collector.Urls.First(), "--OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", "--OTEL_BSP_SCHEDULE_DELAY", "100");
        var answer = await server.Client.ScaleAsync(new { new_data_parallel_size = 2 });
        var (operation, trace) = (answer.GetProperty("operation_id").GetString()!, "");
        using var deadline = new CancellationTokenSource(TestServer.Deadline);
        while (!trace.Contains(operation, StringComparison.Ordinal)) // operations of other tests in this process are sent too
            trace += await heard.Reader.ReadAsync(deadline.Token);
        Assert.All((string[])["elasticep-server", "elasticep.operation.transfer", "elasticep.operation.switch"], words => Assert.Contains(words, trace, StringComparison.Ordinal));
    }

    /// <summary>Ranks report once a second: reads until what they said is there.</summary>
    private static async Task<string> WaitAsync(TestServer server, Func<string, bool> isThere)
    {
        var started = TimeProvider.System.GetTimestamp();
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        while (true)
        {
            using var response = await server.Http.GetAsync("/metrics");
            Assert.Equal((HttpStatusCode.OK, "text/plain"), (response.StatusCode, response.Content.Headers.ContentType?.MediaType));
            var text = await response.Content.ReadAsStringAsync();
            if (isThere(text))
                return text;
            Assert.True(TimeProvider.System.GetElapsedTime(started) < TestServer.Deadline, $"Waited {TestServer.Deadline}:\n{text}");
            await timer.WaitForNextTickAsync();
        }
    }

    /// <summary>The sum of a metric over all its label values, or those that have one.</summary>
    private static double Sum(string text, string name, string label = "") => text.Split('\n')
        .Where(line => (line.StartsWith($"{name} ", StringComparison.Ordinal) || line.StartsWith($"{name}{{", StringComparison.Ordinal)) && line.Contains(label, StringComparison.Ordinal))
        .Sum(line => double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture));

    [GeneratedRegex(@"^(# (HELP|TYPE) [a-z][a-z0-9_:]* .+|[a-z][a-z0-9_:]*(\{[a-z_]+=""[^""]*""(,[a-z_]+=""[^""]*"")*\})? (-?[0-9.eE+-]+|NaN|\+Inf))$")]
    private static partial Regex Line();

    [GeneratedRegex("elasticep_operation_seconds_count{stage=\"([a-z]+)\"} 1\n")]
    private static partial Regex Stage();
}
