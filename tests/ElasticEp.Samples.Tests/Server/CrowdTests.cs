using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using ElasticEp.Samples.Tests.Model;

namespace ElasticEp.Samples.Tests.Server;

/// <summary>Many clients, and clients that go away.</summary>
public sealed class CrowdTests
{
    [Fact]
    public async Task Five_hundred_streams_at_once_each_get_their_own_tokens()
    {
        const int Streams = 500, Tokens = 8;
        await using var server = await TestServer.StartAsync(2);
        var results = await Task.WhenAll(Enumerable.Range(0, Streams).Select(i => server.StreamAsync(Case(i).PromptIds, Tokens)));
        Assert.All(results.Index(), result => Assert.Equal(Case(result.Index).GreedyIds[..Tokens], result.Item));
        Assert.Equal((0, Streams * Tokens), (server.FrontEnd.Outstanding, server.FrontEnd.Released));

        static GoldenCase Case(int i) => GoldenFile.Cases[i % GoldenFile.Cases.Count];
    }

    [Fact]
    public async Task Clients_that_vanish_free_the_queue_the_batch_and_the_cache()
    {
        const int Streams = 300; // more than one rank runs at once
        await using var server = await TestServer.StartAsync(1, "--sse-keep-alive-interval", "1"); // those that wait for their turn begin with it
        var streams = await Task.WhenAll(Enumerable.Range(0, Streams).Select(_ => OpenAsync(server, 1000)));
        await WaitAsync(server, view => view.Rank.GetProperty("running").GetInt32() == 256 && view.Rank.GetProperty("kv_usage").GetDouble() > 0, "a full batch");
        Assert.Equal(Streams, server.FrontEnd.Outstanding);
        foreach (var stream in streams)
            stream.Dispose();
        await WaitAsync(server, view => view.Outstanding == 0, "the front end to forget the requests");
        await WaitAsync(server, view => view.Rank.GetProperty("running").GetInt32() == 0 && view.Rank.GetProperty("waiting").GetInt32() == 0 && view.Rank.GetProperty("kv_usage").GetDouble() == 0, "the rank to free them");
        Assert.Equal(GoldenFile.Cases[0].GreedyIds, await server.CompleteAsync(GoldenFile.Cases[0].PromptIds, GoldenFile.Cases[0].GreedyIds.Length));
    }

    [Fact]
    public async Task A_full_queue_answers_429_and_when_to_come_back_and_takes_all_of_a_call_or_nothing()
    {
        await using var server = await TestServer.StartAsync(1, "--max-requests", "3");
        using var first = await OpenAsync(server, 1900);
        var refused = await HttpAnswer.PostAsync(server.Http, "/v1/completions", """{"prompt": "a", "n": 3}""");
        Assert.Equal((HttpStatusCode.TooManyRequests, ("The queue is full; try again in a moment.", "rate_limit_error", null, 429)), (refused.Status, refused.Error));
        Assert.Equal("1", refused.Headers["Retry-After"]);
        Assert.Equal(1, server.FrontEnd.Outstanding);
        var fits = await HttpAnswer.PostAsync(server.Http, "/v1/completions", """{"prompt": "a", "n": 2, "max_tokens": 2}""");
        Assert.Equal(HttpStatusCode.OK, fits.Status);
    }

    [Fact]
    public async Task A_server_that_is_stopping_answers_503_and_when_to_come_back()
    {
        await using var server = await TestServer.StartAsync(1);
        server.FrontEnd.StopServing();
        var late = await HttpAnswer.PostAsync(server.Http, "/v1/completions", """{"prompt": "a"}""");
        Assert.Equal((HttpStatusCode.ServiceUnavailable, ("The server is stopping.", "service_unavailable", null, 503)), (late.Status, late.Error));
        Assert.Equal("1", late.Headers["Retry-After"]);
    }

    [Fact]
    public async Task A_call_that_the_queue_could_never_hold_is_refused_for_good()
    {
        await using var server = await TestServer.StartAsync(1, "--max-requests", "3");
        var refused = await HttpAnswer.PostAsync(server.Http, "/v1/completions", """{"prompt": ["a", "b"], "n": 2}""");
        Assert.Equal(
            (HttpStatusCode.BadRequest, ("The call asks for 4 choices; this server takes 3 at a time. Give fewer prompts or a smaller n.", "invalid_request_error", "n", 400)),
            (refused.Status, refused.Error));
        Assert.Equal(0, server.FrontEnd.Outstanding);
    }

    /// <summary>A stream that the server has taken, and of which nothing is read.</summary>
    private static async Task<HttpResponseMessage> OpenAsync(TestServer server, int tokens)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions")
        {
            Content = JsonContent.Create(new { prompt = "import", max_tokens = tokens, stream = true, ignore_eos = true }),
        };
        var response = await server.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return response;
    }

    private static async Task WaitAsync(TestServer server, Func<(JsonElement Rank, int Outstanding), bool> isTrue, string what)
    {
        var started = TimeProvider.System.GetTimestamp();
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (true)
        {
            using var view = JsonDocument.Parse(await server.Http.GetStringAsync("/elastic/view"));
            var rank = view.RootElement.GetProperty("ranks")[0];
            if (rank.GetProperty("running").ValueKind == JsonValueKind.Number && isTrue((rank, server.FrontEnd.Outstanding)))
                return;
            Assert.True(TimeProvider.System.GetElapsedTime(started) < TestServer.Deadline, $"Waited {TestServer.Deadline} for {what}: {rank.GetRawText()[..400]}");
            await timer.WaitForNextTickAsync();
        }
    }
}
