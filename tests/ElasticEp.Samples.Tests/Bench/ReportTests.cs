using System.Text.Json;
using System.Xml.Linq;
using ElasticEp.Samples.Bench.Http;
using ElasticEp.Samples.Bench.Measuring;
using ElasticEp.Samples.Bench.Options;
using ElasticEp.Samples.Bench.Reporting;
using ElasticEp.Samples.Bench.Scaling;

namespace ElasticEp.Samples.Tests.Bench;

public sealed class ReportTests
{
    private static readonly BenchResult Result = BenchResult.Of(
        new ServeOptions { Prompts = 3, MaxConcurrency = 2, RequestRate = 10, PercentileMetrics = ["e2el", "ttft"], Percentiles = [50, 99.5], IsDetailed = true },
        new ModelInfo("tiny & <small>", 2048, null),
        new DateTimeOffset(2025, 3, 4, 5, 6, 7, TimeSpan.Zero),
        4,
        [Outcomes.Succeeded(0, 0.5, 0.75, 1), Outcomes.Succeeded(0, 1.5, 2), Outcomes.Failed(1)],
        [
            new ScaleOutcome { Step = new ScaleStep(4, TimeSpan.FromSeconds(1)), Start = 1, End = 1.5, Status = 200, Body = """{"message":"ok","epoch":2,"launch_ms":4.256,"ranks":[0,1]}""" },
            new ScaleOutcome { Step = new ScaleStep(1, TimeSpan.FromSeconds(2)), Start = 2, End = 3, Status = 409, Body = """{"error":{"message":"Another operation runs."}}""" },
            new ScaleOutcome { Step = new ScaleStep(2, TimeSpan.FromSeconds(9)) },
        ]);

    [Fact]
    public void The_table_has_the_lines_and_the_layout_of_vllm() => Assert.Equal(
        [
            "============ Serving Benchmark Result ============",
            "Successful requests:                     2         ",
            "Failed requests:                         1         ",
            "Maximum request concurrency:             2         ",
            "Request rate configured (RPS):           10.00     ",
            "Benchmark duration (s):                  4.00      ",
            "Total input tokens:                      20        ",
            "Total generated tokens:                  5         ",
            "Request throughput (req/s):              0.50      ",
            "Output token throughput (tok/s):         1.25      ",
            "Peak output token throughput (tok/s):    2.00      ",
            "Peak concurrent requests:                2.00      ",
            "Total token throughput (tok/s):          6.25      ",
            "---------------Time to First Token----------------",
            "Mean TTFT (ms):                          1000.00   ",
            "Median TTFT (ms):                        1000.00   ",
            "P50 TTFT (ms):                           1000.00   ",
            "P99.5 TTFT (ms):                         1495.00   ",
            "----------------End-to-end Latency----------------",
            "Mean E2EL (ms):                          1500.00   ",
            "Median E2EL (ms):                        1500.00   ",
            "P50 E2EL (ms):                           1500.00   ",
            "P99.5 E2EL (ms):                         1995.00   ",
            "==================================================",
            "",
        ],
        ResultTable.Render(Result.Metrics, Result.Options).Split('\n'));

    [Fact]
    public void Without_limits_the_table_has_no_line_for_them_and_by_default_three_metrics()
    {
        var table = ResultTable.Render(Result.Metrics, new ServeOptions());
        Assert.DoesNotContain("Maximum", table, StringComparison.Ordinal);
        Assert.DoesNotContain("configured", table, StringComparison.Ordinal);
        Assert.DoesNotContain("E2EL", table, StringComparison.Ordinal);
        Assert.Contains("-----Time per Output Token (excl. 1st token)------\n", table, StringComparison.Ordinal);
        Assert.Contains("---------------Inter-token Latency----------------\n", table, StringComparison.Ordinal);
    }

    [Fact]
    public void Each_resize_is_reported() => Assert.Equal(
        [
            "============= Resizes during the run =============",
            "Longest gap in any stream (ms):          500.00    ",
            "It began at (s):                         1.50      ",
            "--------------- To 4 ranks at 1 s ----------------",
            "Start (s):                               1.00      ",
            "HTTP status:                             200       ",
            "Time taken (ms):                         500.00    ",
            "  epoch:                                 2         ",
            "  launch_ms:                             4.26      ",
            "Longest gap in any stream (ms):          -         ",
            "Output throughput before (tok/s):        2.00      ",
            "Output throughput during (tok/s):        2.00      ",
            "Output throughput after (tok/s):         2.00      ",
            "---------------- To 1 rank at 2 s ----------------",
            "Start (s):                               2.00      ",
            "HTTP status:                             409       ",
            "Time taken (ms):                         1000.00   ",
            "Longest gap in any stream (ms):          -         ",
            "Output throughput before (tok/s):        2.00      ",
            "Output throughput during (tok/s):        1.00      ",
            "Output throughput after (tok/s):         0.00      ",
            "Failed: Another operation runs.",
            "--------------- To 2 ranks at 9 s ----------------",
            "Not made: the run ended at 4.00 s, before its time.",
            "==================================================",
            "",
        ],
        ScaleTable.Render(Result.Resizes, Result.ScaleReports, StreamGaps.Longest(Result.Requests), Result.Duration).Split('\n'));

    [Fact]
    public void A_failed_request_or_resize_fails_the_run()
    {
        Assert.False(Result.IsSuccess);
        var fine = BenchResult.Of(Result.Options, Result.Model, Result.Date, 4, [Result.Requests[0]], [Result.Resizes[0], Result.Resizes[2]]);
        Assert.True(fine.IsSuccess);
        Assert.False(BenchResult.Of(Result.Options, Result.Model, Result.Date, 4, [Result.Requests[0]], [Result.Resizes[1]]).IsSuccess);
    }

    [Fact]
    public void The_file_has_the_names_of_vllm_and_ours_apart()
    {
        using var file = new MemoryStream();
        ResultJson.Write(file, Result);
        using var json = JsonDocument.Parse(file.ToArray());
        var root = json.RootElement;
        Assert.Equal("20250304-050607", root.GetProperty("date").GetString());
        Assert.Equal("tiny & <small>", root.GetProperty("model_id").GetString());
        Assert.Equal(10, root.GetProperty("request_rate").GetDouble());
        Assert.Equal((2, 1), (root.GetProperty("completed").GetInt32(), root.GetProperty("failed").GetInt32()));
        Assert.Equal(1.25, root.GetProperty("output_throughput").GetDouble());
        Assert.Equal(1000, root.GetProperty("mean_ttft_ms").GetDouble());
        Assert.Equal(1995, root.GetProperty("p99.5_e2el_ms").GetDouble(), 9);
        Assert.False(root.TryGetProperty("mean_itl_ms", out _));
        Assert.Equal("[3,2,0]", Compact(root.GetProperty("output_lens")));
        Assert.Equal("[0.5,1.5,0]", Compact(root.GetProperty("ttfts")));
        Assert.Equal("[[0.25,0.25],[0.5],[]]", Compact(root.GetProperty("itls")));
        Assert.Equal("""["","","cut"]""", Compact(root.GetProperty("errors")));
        var ours = root.GetProperty("elasticep");
        Assert.Equal("[2,2,1,0]", Compact(ours.GetProperty("output_tokens_per_second")));
        var resize = ours.GetProperty("resizes")[0];
        Assert.Equal((4, 500.0, 200), (resize.GetProperty("size").GetInt32(), resize.GetProperty("time_ms").GetDouble(), resize.GetProperty("http_status").GetInt32()));
        Assert.Equal(4.256, resize.GetProperty("answer").GetProperty("launch_ms").GetDouble());
        Assert.False(ours.GetProperty("resizes")[2].GetProperty("made").GetBoolean());
    }

    [Fact]
    public void The_chart_is_well_formed_and_marks_resizes_where_they_were()
    {
        XNamespace svg = "http://www.w3.org/2000/svg";
        var chart = XDocument.Parse(ThroughputChart.Render(Result.Requests, Result.ScaleReports, Result.Duration, Result.Model.Id)).Root!;
        Assert.Equal("tiny & <small>", chart.Element(svg + "title")!.Value);
        var bands = chart.Elements(svg + "rect").Where(rect => rect.Attribute("class") is not null).ToArray();
        Assert.Equal(["resize", "failed"], bands.Select(band => band.Attribute("class")!.Value));
        Assert.Equal(["263", "454"], bands.Select(band => band.Attribute("x")!.Value)); // the plot is 764 wide from 72: 191 for each of 4 seconds
        Assert.Equal(["95.5", "191"], bands.Select(band => band.Attribute("width")!.Value));
        Assert.Equal(["to 4 in 500 ms", "failed: to 1 in 1000 ms"], chart.Elements(svg + "text").Where(text => text.Attribute("class")?.Value == "label").Select(text => text.Value));
        var points = chart.Element(svg + "polyline")!.Attribute("points")!.Value.Split(' ');
        Assert.Equal(40, points.Length); // one for each tenth of a second
    }

    [Fact]
    public void A_chart_of_nothing_is_still_a_chart() =>
        Assert.Equal("svg", XDocument.Parse(ThroughputChart.Render([], [], 0, "")).Root!.Name.LocalName);

    [Theory]
    [InlineData(5, 5, 1)]
    [InlineData(10_618, 5, 2500)]
    [InlineData(10.49, 12, 1)]
    [InlineData(0.3, 5, 0.1)]
    [InlineData(0, 5, 1)]
    public void Marks_of_an_axis_are_round(double largest, int most, double step) => Assert.Equal(step, AxisTicks.Step(largest, most), 12);

    [Theory]
    [InlineData(0, 8, 0, "  0%|                              | 0/8 [00:00<?, ?it/s]")]
    [InlineData(2, 8, 4, " 25%|#######                       | 2/8 [00:04<00:12, 0.50it/s]")]
    [InlineData(8, 8, 3725, "100%|##############################| 8/8 [1:02:05<00:00, 0.00it/s]")]
    public void The_progress_line_tells_how_far_and_how_fast(int done, int total, double seconds, string line) =>
        Assert.Equal(line, ProgressLine.Render(done, total, TimeSpan.FromSeconds(seconds)));

    private static string Compact(JsonElement element) => JsonSerializer.Serialize(element);
}
