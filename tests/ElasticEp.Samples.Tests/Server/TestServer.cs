using System.Net.Http.Json;
using System.Text.Json;
using ElasticEp.Samples.Server;
using ElasticEp.Samples.Server.Serving;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Samples.Tests.Server;

/// <summary>The real server on a free port of this machine, and a client of it.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private readonly WebApplication _app;

    private TestServer(WebApplication app)
    {
        _app = app;
        Http = new HttpClient { BaseAddress = new Uri(app.Urls.First()), Timeout = Deadline };
    }

    public HttpClient Http { get; }

    public IElasticGroupClient Group => _app.Services.GetRequiredService<IElasticGroupClient>();

    public FrontEnd FrontEnd => _app.Services.GetRequiredService<FrontEnd>();

    public static async Task<TestServer> StartAsync(int ranks, params string[] args)
    {
        var app = ServerApp.Build(
            ["--urls", "http://127.0.0.1:0", "--ranks", $"{ranks}", .. args],
            builder => builder.Logging.SetMinimumLevel(LogLevel.Error));
        await app.StartAsync();
        var server = new TestServer(app);
        using var deadline = new CancellationTokenSource(Deadline);
        await foreach (var view in server.Group.Views.WithCancellation(deadline.Token))
        {
            if (view.Members.Length == ranks)
                break;
        }

        return server;
    }

    /// <summary>A whole completion's tokens.</summary>
    public async Task<int[]> CompleteAsync(int[] prompt, int count, double temperature = 0, long seed = 0)
    {
        var response = await Http.PostAsJsonAsync("/v1/completions", new { prompt, max_tokens = count, temperature, seed, ignore_eos = true, return_token_ids = true });
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
        using var body = JsonDocument.Parse(await response.Content.ReadAsStreamAsync());
        return Ids(body.RootElement);
    }

    /// <summary>A streamed completion's tokens, as they come.</summary>
    public async Task<int[]> StreamAsync(int[] prompt, int count)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions")
        {
            Content = JsonContent.Create(new { prompt, max_tokens = count, temperature = 0, ignore_eos = true, return_token_ids = true, stream = true }),
        };
        using var response = await Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        var tokens = new List<int>();
        while (await reader.ReadLineAsync() is { } line)
        {
            if (!line.StartsWith("data: ", StringComparison.Ordinal))
                continue;
            if (line == "data: [DONE]")
                return [.. tokens];
            using var body = JsonDocument.Parse(line.AsMemory(6));
            Assert.True(body.RootElement.TryGetProperty("choices", out _), line);
            tokens.AddRange(Ids(body.RootElement));
        }

        throw new InvalidOperationException($"The stream ended early, after {tokens.Count} tokens.");
    }

    public async Task ScaleAsync(object body)
    {
        var response = await Http.PostAsJsonAsync("/scale_elastic_ep", body);
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    private static int[] Ids(JsonElement body) => [.. body.GetProperty("choices")[0].GetProperty("token_ids").EnumerateArray().Select(id => id.GetInt32())];
}
