using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Samples.Tests.Bench;

/// <summary>A server whose streams are written by the test.</summary>
internal sealed class FakeServer : IAsyncDisposable
{
    public const string Token = """data: {"choices":[{"index":0,"text":"a","finish_reason":null,"token_ids":[1]}]}""";
    public const string Last = """data: {"choices":[{"index":0,"text":"a","finish_reason":"length","token_ids":[2]}]}""";
    public const string Done = "data: [DONE]";

    private readonly WebApplication _app;
    private int _requests;

    private FakeServer(WebApplication app) => _app = app;

    public int Port => new Uri(_app.Urls.First()).Port;

    public int Requests => _requests;

    public static string Usage(int input, int output) => $$$"""data: {"choices":[],"usage":{"prompt_tokens":{{{input}}},"completion_tokens":{{{output}}},"total_tokens":{{{input + output}}}}}""";

    /// <param name="answer">Writes the answer to a completion, given its number from 0.</param>
    public static async Task<FakeServer> StartAsync(Func<HttpContext, int, Task> answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var server = new FakeServer(app);
        app.MapGet("/v1/models", () => Results.Json(new { data = new[] { new { id = "fake", vocab_size = 100 } } }));
        app.MapPost("/v1/completions", context => answer(context, Interlocked.Increment(ref server._requests) - 1));
        await app.StartAsync();
        return server;
    }

    /// <summary>Lines, an empty one after each.</summary>
    public static async Task WriteAsync(HttpContext context, params string[] lines)
    {
        foreach (var line in lines)
            await context.Response.WriteAsync($"{line}\n\n");
        await context.Response.Body.FlushAsync();
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();
}
