using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Server;
using ElasticEp.Samples.Tests.Model;

namespace ElasticEp.Samples.Tests.Server;

/// <summary>Bad input gets a clear error and harms nothing else.</summary>
public sealed class BadRequestTests
{
    [Fact]
    public async Task Bad_completion_requests_say_what_is_wrong()
    {
        await using var server = await TestServer.StartAsync(2);
        await RefusedAsync(server, "/v1/completions", "{", "JSON");
        await RefusedAsync(server, "/v1/completions", "null", "null");
        await RefusedAsync(server, "/v1/completions", """{"prompt": ""}""", "prompt is empty");
        await RefusedAsync(server, "/v1/completions", """{"prompt": 5}""", "text or an array");
        await RefusedAsync(server, "/v1/completions", """{"prompt": [1, 99999]}""", "99999");
        await RefusedAsync(server, "/v1/completions", """{"prompt": "a", "max_tokens": 0}""", "max_tokens is 0");
        await RefusedAsync(server, "/v1/completions", """{"prompt": "a", "max_tokens": 5000}""", "2048");
        await RefusedAsync(server, "/v1/completions", """{"prompt": "a", "temperature": 9}""", "temperature is 9");
        await RefusedAsync(server, "/scale_elastic_ep", "{}", "new_data_parallel_size");
        await RefusedAsync(server, "/scale_elastic_ep", "nope", "JSON");
        await RefusedAsync(server, "/scale_elastic_ep", """{"new_data_parallel_size": 0}""", "size of 0");
        await RefusedAsync(server, "/scale_elastic_ep", """{"new_data_parallel_size": 9}""", "MaxRanks = 8");
        await RefusedAsync(server, "/scale_elastic_ep", """{"remove_ranks": [7]}""", "Rank 7 is not a member");
        await RefusedAsync(server, "/scale_elastic_ep", """{"new_data_parallel_size": 1, "drain_timeout": -1}""", "drain_timeout is -1");
        await RefusedAsync(server, "/scale_elastic_ep", """{"new_data_parallel_size": 1, "drain_timeout": "soon"}""", "drain_timeout");
        var golden = GoldenFile.Cases[0];
        using var body = new StringContent(JsonSerializer.Serialize(new { prompt = golden.Prompt, max_tokens = 4, temperature = 0, unheard_of = true }), Encoding.UTF8, "application/json");
        using var fine = await server.Http.PostAsync("/v1/completions", body);
        Assert.Equal(HttpStatusCode.OK, fine.StatusCode);
        Assert.Contains("tiny-qwen3-moe", await server.Http.GetStringAsync("/v1/models"), StringComparison.Ordinal);
        Assert.Equal("Healthy", await server.Http.GetStringAsync("/health"));
    }

    [Fact]
    public async Task A_client_that_goes_away_frees_its_request()
    {
        await using var server = await TestServer.StartAsync(1);
        using var cancel = new CancellationTokenSource();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions")
        {
            Content = JsonContent.Create(new { prompt = "import", max_tokens = 2000, stream = true, ignore_eos = true }),
        };
        using (var response = await server.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel.Token))
        {
            using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(cancel.Token));
            Assert.StartsWith("data: ", await reader.ReadLineAsync(cancel.Token), StringComparison.Ordinal);
            Assert.Equal(1, server.FrontEnd.Outstanding);
        }

        var started = TimeProvider.System.GetTimestamp();
        while (server.FrontEnd.Outstanding > 0)
        {
            Assert.True(TimeProvider.System.GetElapsedTime(started) < TestServer.Deadline, "the request is still outstanding");
            await Task.Yield();
        }
    }

    [Fact]
    public async Task A_seed_gives_the_same_text_on_one_and_on_three_ranks()
    {
        var prompt = GoldenFile.Cases[2].PromptIds;
        await using var one = await TestServer.StartAsync(1);
        await using var three = await TestServer.StartAsync(3);
        var first = await one.CompleteAsync(prompt, 40, temperature: 0.9, seed: 77);
        Assert.Equal(first, await one.CompleteAsync(prompt, 40, temperature: 0.9, seed: 77));
        Assert.Equal(first, await three.CompleteAsync(prompt, 40, temperature: 0.9, seed: 77));
        Assert.NotEqual(first, await one.CompleteAsync(prompt, 40, temperature: 0.9, seed: 78));
    }

    [Theory]
    [InlineData("--transport carrier-pigeon", "carrier-pigeon")]
    [InlineData("--ranks 0", "--ranks 0")]
    [InlineData("--ranks 9 --max-ranks 8", "--ranks 9")]
    [InlineData("--max-ranks many", "--max-ranks many")]
    [InlineData("--port 8001", "--port is no option of this server; it has --urls")]
    [InlineData("--rank=4", "--rank=4 is no option")]
    [InlineData("4", "4 is no option")]
    [InlineData("--ranks", "--ranks has no value")]
    [InlineData("--max-num-seqs 0", "--max-num-seqs 0")]
    [InlineData("--max-num-batched-tokens 256", "--max-num-batched-tokens 256 is not a number from 257")]
    [InlineData("--max-model-len 4096", "--max-model-len 4096 is more than the model's 2048")]
    [InlineData("--kv-cache-memory-bytes 32767", "--kv-cache-memory-bytes 32767 has no room for a page of 16 positions")]
    [InlineData("--kv-cache-memory-bytes 65536 --max-model-len 33", "has room for 32 positions, and a sequence may have 33")]
    [InlineData("--shutdown-timeout -1", "--shutdown-timeout -1")]
    [InlineData("--slow-reader-timeout soon", "--slow-reader-timeout soon is not a number from 0")]
    [InlineData("--allowed-origins chat.example.com", "--allowed-origins chat.example.com is no origin")]
    public void A_wrong_argument_is_named(string line, string words) =>
        Assert.Contains(words, Assert.Throws<ArgumentException>(() => ServerApp.Build(line.Split(' '))).Message, StringComparison.Ordinal);

    [Fact]
    public void A_model_that_is_not_there_is_named() =>
        Assert.Contains("/no/such/model", Assert.Throws<ModelLoadException>(() => ServerApp.Build(["--model", "/no/such/model"])).Message, StringComparison.Ordinal);

    private static async Task RefusedAsync(TestServer server, string path, string body, string words)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var response = await server.Http.PostAsync(path, content);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        using var error = JsonDocument.Parse(await response.Content.ReadAsStreamAsync());
        Assert.Contains(words, error.RootElement.GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
    }
}
