using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Server;
using ElasticEp.Samples.Tests.Model;
using ElasticEp.Samples.Tests.Processes;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Samples.Tests.Server;

/// <summary>What a checkpoint says is what is served.</summary>
public sealed class CheckpointServerTests
{
    private const int Prompts = 16;

    private static readonly GoldenCase Golden = GoldenFile.Cases[0];

    [Fact]
    public async Task Sixteen_chats_run_on_a_model_that_could_read_far_more_than_the_cache_has_room_for()
    {
        using var model = new ModelFolder();
        model.Edit("config.json", config => config["max_position_embeddings"] = 1 << 20);
        await using var server = await ServeAsync(model);
        using var models = JsonDocument.Parse(await server.Http.GetStringAsync("/v1/models"));
        Assert.Equal(1 << 19, models.RootElement.GetProperty("data")[0].GetProperty("max_model_len").GetInt32()); // a gibibyte, of 2 KiB for each position
        using var stop = new CancellationTokenSource();
        var chats = Enumerable.Range(0, Prompts).Select(_ => server.Http.PostAsync("/v1/chat/completions", Json("""{"messages": [{"role": "user", "content": "import"}], "ignore_eos": true, "stream": true}"""), stop.Token)).ToArray();
        var started = TimeProvider.System.GetTimestamp();
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (await RunningAsync(server) < Prompts)
        {
            Assert.True(TimeProvider.System.GetElapsedTime(started) < TestServer.Deadline, $"{await RunningAsync(server)} of {Prompts} chats run.");
            await timer.WaitForNextTickAsync();
        }

        await stop.CancelAsync();
        foreach (var chat in chats)
        {
            await Task.WhenAny(chat);
            if (chat.IsCompletedSuccessfully)
                (await chat).Dispose(); // its headers came before the cancellation
        }
    }

    [Theory]
    [InlineData("auto")]
    [InlineData("vllm")]
    public async Task A_text_ends_at_any_of_the_tokens_that_the_checkpoint_names(string source)
    {
        var end = Golden.GreedyIds[12];
        using var model = new ModelFolder();
        model.Edit("config.json", config => config["eos_token_id"] = 2);
        model.Edit("generation_config.json", config => config["eos_token_id"] = new JsonArray(2, end));
        await using var server = await ServeAsync(model, "--generation-config", source);
        var answer = await CompleteAsync(server, new { prompt = Golden.PromptIds, max_tokens = 90, temperature = 0, return_token_ids = true });
        Assert.Equal("stop", answer.GetProperty("finish_reason").GetString());
        Assert.Equal(Golden.GreedyIds[..(Array.IndexOf(Golden.GreedyIds, end) + 1)], Ids(answer));
        answer = await CompleteAsync(server, new { prompt = Golden.PromptIds, max_tokens = 90, temperature = 0, ignore_eos = true, return_token_ids = true });
        Assert.Equal(Golden.GreedyIds[..90], Ids(answer));
    }

    [Fact]
    public async Task Tokens_are_drawn_as_the_checkpoint_says_unless_the_request_does()
    {
        using var model = new ModelFolder();
        model.Edit("generation_config.json", config => config["top_k"] = 1);
        var request = new { prompt = Golden.PromptIds, max_tokens = 90, seed = 1, ignore_eos = true, return_token_ids = true };
        await using (var server = await ServeAsync(model))
        {
            Assert.Equal(Golden.GreedyIds[..90], Ids(await CompleteAsync(server, request)));
            Assert.NotEqual(Golden.GreedyIds[..90], Ids(await CompleteAsync(server, new { request.prompt, request.max_tokens, request.seed, request.ignore_eos, request.return_token_ids, top_k = 0 })));
        }

        await using (var server = await ServeAsync(model, "--generation-config", "vllm"))
            Assert.NotEqual(Golden.GreedyIds[..90], Ids(await CompleteAsync(server, request)));
        await using (var server = await ServeAsync(new ModelFolder(), "--generation-config", model.Directory))
            Assert.Equal(Golden.GreedyIds[..90], Ids(await CompleteAsync(server, request)));
    }

    [Fact]
    public async Task A_chat_without_max_tokens_ends_where_the_checkpoint_says()
    {
        using var model = new ModelFolder();
        model.Edit("generation_config.json", config => config["max_new_tokens"] = 5);
        await using var server = await ServeAsync(model);
        var answer = await HttpAnswer.PostAsync(server.Http, "/v1/chat/completions", """{"messages": [{"role": "user", "content": "import"}], "ignore_eos": true}""");
        Assert.Equal(5, answer.Body.GetProperty("usage").GetProperty("completion_tokens").GetInt32());
    }

    [Fact]
    public async Task Weights_that_give_no_numbers_are_refused_at_the_start()
    {
        using var model = new ModelFolder();
        model.SpoilTensor("model.norm.weight");
        using var log = new ListLoggerProvider();
        await using var app = ServerApp.Build(["--urls", "http://127.0.0.1:0", "--transport", "inprocess", "--ranks", "1", "--model", model.Directory], builder => builder.Logging.ClearProviders().AddProvider(log));
        var stopping = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        app.Lifetime.ApplicationStopping.Register(stopping.SetResult);
        await app.StartAsync();
        await stopping.Task.WaitAsync(TestServer.Deadline);
        await app.StopAsync();
        Assert.Contains(log.Lines, line => line.StartsWith("Critical", StringComparison.Ordinal) && line.Contains("logits are not finite", StringComparison.Ordinal));
    }

    /// <summary>One that the dry run does not route to, nor a prompt of its first token; the first golden prompt does.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Only_requests_that_meet_an_expert_whose_weights_are_no_numbers_fail(int ranks)
    {
        var known = Qwen3Workload.DryRunTokens(Qwen3MoeConfig.Load(EmbeddedModel.Directory));
        var expert = RoutesOf(Golden.PromptIds).Except(RoutesOf(known)).First();
        using var model = new ModelFolder();
        model.SpoilTensor($"model.layers.0.mlp.experts.{expert}.down_proj.weight");
        await using var server = await TestServer.StartAsync(ranks, "--model", model.Directory);
        var failing = HttpAnswer.PostAsync(server.Http, "/v1/completions", JsonSerializer.Serialize(new { prompt = Golden.PromptIds, max_tokens = 3, temperature = 0 }));
        var running = CompleteAsync(server, new { prompt = new[] { known[0] }, max_tokens = 1, temperature = 0, ignore_eos = true, return_token_ids = true });
        var failed = await failing;
        Assert.Equal(HttpStatusCode.InternalServerError, failed.Status);
        Assert.Contains("not a number", failed.Error.Message, StringComparison.Ordinal);
        Assert.Equal(new SingleProcess().Generate([known[0]], 1), Ids(await running));
        Assert.Equal(0, server.FrontEnd.Outstanding);
    }

    [Fact]
    public async Task A_checkpoint_with_tokenizer_json_alone_is_served()
    {
        using var model = new ModelFolder();
        model.Delete("vocab.json", "merges.txt");
        await using var server = await ServeAsync(model);
        var answer = await CompleteAsync(server, new { prompt = Golden.Prompt, max_tokens = 20, temperature = 0, return_token_ids = true });
        Assert.Equal(Golden.GreedyIds[..20], Ids(answer));
    }

    [Fact]
    public async Task The_model_has_the_names_that_it_is_given()
    {
        await using var server = await TestServer.StartAsync(1, "--served-model-name", "first,second");
        using var models = JsonDocument.Parse(await server.Http.GetStringAsync("/v1/models"));
        Assert.Equal(["first", "second"], models.RootElement.GetProperty("data").EnumerateArray().Select(model => model.GetProperty("id").GetString()));
        foreach (var name in (string[])["first", "second"])
        {
            var answer = await HttpAnswer.PostAsync(server.Http, "/v1/completions", $$"""{"model": "{{name}}", "prompt": "import", "max_tokens": 1}""");
            Assert.Equal("first", answer.Body.GetProperty("model").GetString());
            using var card = JsonDocument.Parse(await server.Http.GetStringAsync($"/v1/models/{name}"));
            Assert.Equal(name, card.RootElement.GetProperty("id").GetString());
        }

        var other = await HttpAnswer.PostAsync(server.Http, "/v1/completions", """{"model": "tiny-qwen3-moe", "prompt": "import", "max_tokens": 1}""");
        Assert.Equal(HttpStatusCode.NotFound, other.Status);
    }

    [Theory]
    [InlineData("--generation-config /no/such/folder", "/no/such/folder has no generation_config.json")]
    [InlineData("--chat-template-kind llama", "--chat-template-kind llama is not known")]
    public void Options_that_name_what_is_not_there_are_refused(string line, string words) =>
        Assert.Contains(words, Assert.Throws<ModelLoadException>(() => ServerApp.Build(line.Split(' '))).Message, StringComparison.Ordinal);

    [Fact]
    public void An_empty_model_name_is_refused() =>
        Assert.Contains("--served-model-name a,, has an empty name", Assert.Throws<ArgumentException>(() => ServerApp.Build(["--served-model-name", "a,,"])).Message, StringComparison.Ordinal);

    private static Task<TestServer> ServeAsync(ModelFolder model, params string[] args) => TestServer.StartAsync(1, ["--model", model.Directory, .. args]);

    private static StringContent Json(string body) => new(body, System.Text.Encoding.UTF8, "application/json");

    private static async Task<int> RunningAsync(TestServer server)
    {
        using var view = JsonDocument.Parse(await server.Http.GetStringAsync("/elastic/view"));
        return view.RootElement.GetProperty("ranks")[0].GetProperty("running") is { ValueKind: JsonValueKind.Number } running ? running.GetInt32() : 0; // as the rank has reported
    }

    private static async Task<JsonElement> CompleteAsync(TestServer server, object body)
    {
        var answer = await HttpAnswer.PostAsync(server.Http, "/v1/completions", JsonSerializer.Serialize(body));
        Assert.True(answer.Status == HttpStatusCode.OK, answer.Body.GetRawText());
        return answer.Body.GetProperty("choices")[0];
    }

    private static int[] Ids(JsonElement choice) => [.. choice.GetProperty("token_ids").EnumerateArray().Select(id => id.GetInt32())];

    /// <summary>Experts of the first layer that the tokens of a prompt choose.</summary>
    private static HashSet<int> RoutesOf(int[] prompt)
    {
        var checkpoint = Checkpoint.Open(EmbeddedModel.Directory);
        var network = new Qwen3MoeModel(checkpoint.Config, checkpoint.WeightType);
        foreach (var weight in WeightNames.Dense(checkpoint.Config))
            checkpoint.Read(weight.Name, network.GetWeight(weight.Name).Span);
        network.Prepare();
        var routes = new Routes();
        Assert.True(network.ForwardAsync([new SequenceChunk(new KvCache(checkpoint.Config), prompt, 0)], new ForwardWorkspace(checkpoint.Config, prompt.Length), routes).IsCompletedSuccessfully);
        return routes.First;
    }

    private sealed class Routes : IMoeLayer
    {
        public HashSet<int> First { get; } = [];

        public ValueTask ForwardAsync(int moeLayer, Memory<float> hidden, Memory<int> topkIds, Memory<float> topkWeights, Memory<float> output, CancellationToken cancellationToken)
        {
            if (moeLayer == 0)
                First.UnionWith(topkIds.ToArray());
            output.Span.Clear();
            return default;
        }
    }
}
