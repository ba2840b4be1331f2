using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace ElasticEp.Samples.Tests.Server;

/// <summary>The group over HTTP, as vLLM's clients and dashboards use it. What fails and times out is tested with processes.</summary>
public sealed class ElasticControlTests
{
    [Fact]
    public async Task A_resize_answers_with_its_figures_and_is_remembered()
    {
        await using var server = await TestServer.StartAsync(2);
        var answer = await server.Client.ScaleAsync(new { new_data_parallel_size = 4 });
        Assert.Equal(("Scaled to 4 ranks.", 2L, "[0,1,2,3]"), (answer.GetProperty("message").GetString(), answer.GetProperty("epoch").GetInt64(), answer.GetProperty("ranks").GetRawText()));
        Assert.True(answer.GetProperty("bytes_moved").GetInt64() >= answer.GetProperty("bytes_lower_bound").GetInt64());
        foreach (var figure in (string[])["launch_ms", "transfer_ms", "drain_ms", "switch_ms", "pause_ms"])
            Assert.True(answer.GetProperty(figure).GetDouble() >= 0, figure);

        var same = await server.Client.ScaleAsync(new { new_data_parallel_size = 4 });
        Assert.Equal((2L, 0L), (same.GetProperty("epoch").GetInt64(), same.GetProperty("bytes_moved").GetInt64()));

        var list = await JsonAsync(server, "/elastic/operations");
        Assert.Equal(JsonValueKind.Null, list.GetProperty("running").ValueKind);
        JsonElement[] operations = [.. list.GetProperty("operations").EnumerateArray()];
        Assert.Equal([same.GetProperty("operation_id").GetString(), answer.GetProperty("operation_id").GetString()], operations.Select(operation => operation.GetProperty("operation_id").GetString()));
        var ended = operations[1];
        Assert.Equal(("Completed", "4 ranks"), (ended.GetProperty("outcome").GetString(), ended.GetProperty("target").GetString()));
        Assert.Equal(answer.GetProperty("bytes_moved").GetInt64(), ended.GetProperty("bytes_moved").GetInt64());
    }

    [Fact]
    public async Task The_view_tells_of_each_rank_who_it_is_and_what_it_holds()
    {
        await using var server = await TestServer.StartAsync(2);
        var view = await JsonAsync(server, "/elastic/view");
        Assert.Equal((1L, 8), (view.GetProperty("epoch").GetInt64(), view.GetProperty("max_ranks").GetInt32()));
        Assert.Equal([0, 1], view.GetProperty("ranks").EnumerateArray().Select(rank => rank.GetProperty("rank").GetInt32()));
        foreach (var rank in view.GetProperty("ranks").EnumerateArray())
        {
            Assert.Equal(("serving", "", Environment.ProcessId), (rank.GetProperty("state").GetString(), rank.GetProperty("reason").GetString(), rank.GetProperty("process_id").GetInt32()));
            Assert.InRange(rank.GetProperty("since").GetDouble(), view.GetProperty("time").GetDouble() - TestServer.Deadline.TotalSeconds, view.GetProperty("time").GetDouble());
            Assert.NotEqual("", rank.GetProperty("address").GetString());
            Assert.Equal(4, rank.GetProperty("slots").GetArrayLength());
            Assert.Equal(16, rank.GetProperty("slots")[0].EnumerateArray().Count(slot => slot.GetInt32() >= 0));
            Assert.Equal(4, rank.GetProperty("load").GetArrayLength());
        }
    }

    [Fact]
    public async Task The_same_operation_id_is_the_same_operation_also_when_it_has_ended()
    {
        await using var server = await TestServer.StartAsync(2);
        var wanted = new { new_data_parallel_size = 3, operation_id = "grow-1" };
        var both = await Task.WhenAll(server.Client.ScaleAsync(wanted), server.Client.ScaleAsync(wanted));
        Assert.Equal("grow-1", both[0].GetProperty("operation_id").GetString());
        Assert.Equal(both[0].GetRawText(), both[1].GetRawText());
        await server.Client.ScaleAsync(new { new_data_parallel_size = 1, operation_id = "shrink" });
        Assert.Equal(both[0].GetRawText(), (await server.Client.ScaleAsync(wanted)).GetRawText()); // what it did, though the group is another one now
        Assert.Single(server.Group.View.Members);

        var other = await HttpAnswer.PostAsync(server.Http, "/scale_elastic_ep", """{"new_data_parallel_size": 2, "operation_id": "grow-1"}""");
        Assert.Equal((HttpStatusCode.Conflict, "conflict", "operation_id"), (other.Status, other.Error.Type, other.Error.Param));
        Assert.Contains("asked for new_data_parallel_size 3; this one asks for new_data_parallel_size 2", other.Error.Message, StringComparison.Ordinal);
        var operations = (await JsonAsync(server, "/elastic/operations")).GetProperty("operations").EnumerateArray().Select(ended => ended.GetProperty("operation_id").GetString());
        Assert.Equal(["shrink", "grow-1"], operations);
    }

    [Fact]
    public async Task An_operation_that_was_refused_has_not_used_its_id()
    {
        await using var server = await TestServer.StartAsync(2);
        var refused = await HttpAnswer.PostAsync(server.Http, "/scale_elastic_ep", """{"remove_ranks": [7], "operation_id": "a"}""");
        Assert.Equal(HttpStatusCode.BadRequest, refused.Status);
        Assert.Equal("[0]", (await server.Client.ScaleAsync(new { remove_ranks = (int[])[1], operation_id = "a" })).GetProperty("ranks").GetRawText());
        var tooLong = await HttpAnswer.PostAsync(server.Http, "/scale_elastic_ep", $$"""{"new_data_parallel_size": 1, "operation_id": "{{new string('x', 129)}}"}""");
        Assert.Equal(HttpStatusCode.BadRequest, tooLong.Status);
    }

    [Fact]
    public async Task The_status_has_the_shape_that_clients_of_vllm_read()
    {
        await using var server = await TestServer.StartAsync(2);
        foreach (var path in (string[])["/fault_tolerance/status", "/v1/fault_tolerance/status"])
            Assert.Equal("""{"schema_version":1,"total_engines":2,"engines":[{"id":0,"status":"healthy"},{"id":1,"status":"healthy"}]}""", await server.Http.GetStringAsync(path));
    }

    [Fact]
    public async Task One_operation_runs_at_a_time_and_tells_how_far_it_is()
    {
        await using var server = await TestServer.StartAsync(2);
        using var stop = new CancellationTokenSource();
        var streams = Enumerable.Range(0, 4).Select(_ => HoldAsync(server, stop.Token)).ToArray(); // two on each rank
        await WaitAsync(() => Task.FromResult(server.FrontEnd.Released >= 4), "the streams to run");
        var leaving = server.Client.ScaleAsync(new { new_data_parallel_size = 1, drain_timeout = 50 });
        JsonElement state = default;
        await WaitAsync(async () => (state = await JsonAsync(server, "/is_scaling_elastic_ep")).GetProperty("detail").GetString() is { Length: > 0 }, "the operation to report");
        Assert.Equal((true, 2), (state.GetProperty("is_scaling_elastic_ep").GetBoolean(), state.GetProperty("effective_ep_size").GetInt32()));
        Assert.Contains(state.GetProperty("scale_phase").GetString(), Enum.GetNames<ScalePhase>());
        Assert.NotNull(state.GetProperty("operation_id").GetString());

        var second = await HttpAnswer.PostAsync(server.Http, "/scale_elastic_ep", """{"new_data_parallel_size": 3}""");
        Assert.Equal((HttpStatusCode.Conflict, "conflict", 409), (second.Status, second.Error.Type, second.Error.Code));
        Assert.Contains(state.GetProperty("operation_id").GetString()!, second.Error.Message, StringComparison.Ordinal);

        await stop.CancelAsync();
        await Task.WhenAll(streams);
        Assert.Equal("[0]", (await leaving).GetProperty("ranks").GetRawText());
        var after = await HttpAnswer.SendAsync(server.Http, HttpMethod.Post, "/is_scaling_elastic_ep");
        Assert.Equal((false, 1, "serving"), (after.Body.GetProperty("is_scaling_elastic_ep").GetBoolean(), after.Body.GetProperty("effective_ep_size").GetInt32(), after.Body.GetProperty("scale_phase").GetString()));
    }

    [Fact]
    public async Task Probes_and_small_questions_are_answered()
    {
        await using var server = await TestServer.StartAsync(1);
        foreach (var path in (string[])["/health", "/health/live", "/health/ready"])
            Assert.Equal("Healthy", await server.Http.GetStringAsync(path));
        Assert.Equal("", await server.Http.GetStringAsync("/ping"));
        Assert.Matches(@"^\d+\.\d+\.\d+$", (await JsonAsync(server, "/version")).GetProperty("version").GetString());
        Assert.Equal(0, (await JsonAsync(server, "/load")).GetProperty("server_load").GetInt32());
        var model = (await JsonAsync(server, "/v1/models")).GetProperty("data")[0];
        Assert.Equal(("tiny-qwen3-moe", 2048), (model.GetProperty("id").GetString(), model.GetProperty("max_model_len").GetInt32()));
        Assert.EndsWith("tiny-qwen3-moe", model.GetProperty("root").GetString(), StringComparison.Ordinal);

        var tokens = (await HttpAnswer.PostAsync(server.Http, "/tokenize", """{"prompt": "import os", "return_token_strs": true}""")).Body;
        Assert.Equal((2, "[730,647]", """["import"," os"]"""), (tokens.GetProperty("count").GetInt32(), tokens.GetProperty("tokens").GetRawText(), tokens.GetProperty("token_strs").GetRawText()));
        var text = (await HttpAnswer.PostAsync(server.Http, "/detokenize", """{"tokens": [730, 647]}""")).Body;
        Assert.Equal("import os", text.GetProperty("prompt").GetString());
    }

    private static async Task HoldAsync(TestServer server, CancellationToken stop)
    {
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions")
            {
                Content = JsonContent.Create(new { prompt = "import", max_tokens = 2000, stream = true, ignore_eos = true }),
            };
            using var response = await server.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, stop);
            await response.Content.CopyToAsync(Stream.Null, stop);
        }
        catch (OperationCanceledException)
        {
            // it has held long enough
        }
    }

    private static async Task<JsonElement> JsonAsync(TestServer server, string path) => (await HttpAnswer.SendAsync(server.Http, HttpMethod.Get, path)).Body;

    private static async Task WaitAsync(Func<Task<bool>> isTrue, string what)
    {
        var started = TimeProvider.System.GetTimestamp();
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        while (!await isTrue())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(started) < TestServer.Deadline, $"Waited {TestServer.Deadline} for {what}.");
            await timer.WaitForNextTickAsync();
        }
    }
}
