using System.Text.Json;
using System.Xml.Linq;
using ElasticEp.Samples.Bench;
using ElasticEp.Samples.Tests.Server;

namespace ElasticEp.Samples.Tests.Bench;

/// <summary>Runs against the real server.</summary>
public sealed class BenchRunTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("elasticep-bench").FullName;

    [Fact]
    public async Task A_run_with_a_resize_loses_nothing_and_its_figures_agree()
    {
        await using var server = await TestServer.StartAsync(2);
        var result = await RunAsync(server, "--num-prompts", "24", "--random-input-len", "16", "--random-output-len", "32", "--ignore-eos", "--max-concurrency", "8", "--scale", "4@0s,2@900s");
        Assert.Equal((24, 0), (result.GetProperty("completed").GetInt32(), result.GetProperty("failed").GetInt32()));
        Assert.Equal((24 * 16, 24 * 32), (result.GetProperty("total_input_tokens").GetInt32(), result.GetProperty("total_output_tokens").GetInt32()));
        Assert.InRange(result.GetProperty("max_concurrent_requests").GetInt32(), 1, 8);
        var duration = result.GetProperty("duration").GetDouble();
        Assert.Equal(24 * 32 / duration, result.GetProperty("output_throughput").GetDouble(), 6);
        Assert.InRange(result.GetProperty("mean_ttft_ms").GetDouble(), 0.001, duration * 1000);
        Assert.InRange(result.GetProperty("mean_tpot_ms").GetDouble(), 0.001, duration * 1000);
        Assert.Equal(result.GetProperty("mean_tpot_ms").GetDouble(), result.GetProperty("mean_itl_ms").GetDouble(), 6); // a token a piece, all of one length
        var resizes = result.GetProperty("elasticep").GetProperty("resizes");
        Assert.Equal(200, resizes[0].GetProperty("http_status").GetInt32());
        Assert.Equal(4, resizes[0].GetProperty("answer").GetProperty("ranks").GetArrayLength());
        Assert.False(resizes[1].GetProperty("made").GetBoolean());
        Assert.Equal(4, server.Group.View.Members.Length);
        Assert.Equal("svg", XDocument.Load(Path.Combine(_folder, "chart.svg")).Root!.Name.LocalName);
    }

    [Fact]
    public async Task Text_prompts_at_a_rate_are_answered()
    {
        await using var server = await TestServer.StartAsync(1);
        var result = await RunAsync(server, "--dataset-name", "text", "--num-prompts", "6", "--random-input-len", "24", "--random-output-len", "4", "--request-rate", "200");
        Assert.Equal((6, 0), (result.GetProperty("completed").GetInt32(), result.GetProperty("failed").GetInt32()));
        Assert.True(result.GetProperty("duration").GetDouble() >= 6 / 200.0);
    }

    [Fact]
    public async Task Prompts_that_the_model_has_no_room_for_are_refused()
    {
        await using var server = await TestServer.StartAsync(1);
        using var error = new StringWriter();
        Assert.Equal(2, await BenchApp.RunAsync(["serve", "--base-url", server.Http.BaseAddress!.ToString(), "--random-input-len", "2000"], TextWriter.Null, error, CancellationToken.None));
        Assert.Contains("more than the 2048 tokens", error.ToString(), StringComparison.Ordinal);
        error.GetStringBuilder().Clear();
        Assert.Equal(2, await BenchApp.RunAsync(["serve", "--base-url", server.Http.BaseAddress!.ToString(), "--model", "gpt"], TextWriter.Null, error, CancellationToken.None));
        Assert.Contains("--model gpt is not on the server; it has tiny-qwen3-moe.", error.ToString(), StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private async Task<JsonElement> RunAsync(TestServer server, params string[] more)
    {
        var file = Path.Combine(_folder, "result.json");
        using var output = new StringWriter();
        using var error = new StringWriter();
        string[] args = ["serve", "--base-url", server.Http.BaseAddress!.ToString(), "--disable-tqdm", "--save-result", file, "--chart", Path.Combine(_folder, "chart.svg"), .. more];
        var exitCode = await BenchApp.RunAsync(args, output, error, CancellationToken.None);
        Assert.True(exitCode == 0, $"{output}{error}");
        return JsonDocument.Parse(await File.ReadAllTextAsync(file)).RootElement;
    }
}
