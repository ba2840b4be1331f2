using System.Net.Http.Json;
using System.Text.Json;

namespace ElasticEp.Samples.Tests.Server;

/// <summary>Talks to a server over HTTP.</summary>
internal sealed class ServerClient(Uri address) : IDisposable
{
    public HttpClient Http { get; } = new() { BaseAddress = address, Timeout = TestServer.Deadline };

    /// <summary>A whole completion's tokens.</summary>
    public async Task<int[]> CompleteAsync(int[] prompt, int count, double temperature = 0, long seed = 0)
    {
        var response = await Http.PostAsJsonAsync("/v1/completions", new { prompt, max_tokens = count, temperature, seed, ignore_eos = true, return_token_ids = true });
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
        using var body = JsonDocument.Parse(await response.Content.ReadAsStreamAsync());
        return Ids(body.RootElement);
    }

    /// <summary>A streamed completion's tokens, as they come.</summary>
    public async Task<int[]> StreamAsync(int[] prompt, int count, Action? onTokens = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions")
        {
            Content = JsonContent.Create(new { prompt, max_tokens = count, temperature = 0, ignore_eos = true, return_token_ids = true, stream = true }),
        };
        using var response = await Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        if (!response.IsSuccessStatusCode)
            Assert.Fail(await response.Content.ReadAsStringAsync()); // not before: it reads to the end
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
            onTokens?.Invoke();
        }

        throw new InvalidOperationException($"The stream ended early, after {tokens.Count} tokens.");
    }

    /// <summary>A resize that is to succeed; its answer.</summary>
    public async Task<JsonElement> ScaleAsync(object body)
    {
        var response = await Http.PostAsJsonAsync("/scale_elastic_ep", body);
        var answer = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, answer);
        return JsonDocument.Parse(answer).RootElement;
    }

    /// <summary>A resize that may fail.</summary>
    /// <returns>Whether it has succeeded.</returns>
    public async Task<bool> TryScaleAsync(int ranks)
    {
        using var response = await Http.PostAsJsonAsync("/scale_elastic_ep", new { new_data_parallel_size = ranks });
        return response.IsSuccessStatusCode;
    }

    /// <summary>What /elastic/view says.</summary>
    public async Task<ServerView> ViewAsync()
    {
        using var body = JsonDocument.Parse(await Http.GetStringAsync("/elastic/view"));
        var members = body.RootElement.GetProperty("ranks").EnumerateArray().Where(member => member.GetProperty("slots").GetArrayLength() > 0).ToArray(); // others come or go
        return new ServerView(
            [.. members.Select(member => member.GetProperty("rank").GetInt32())],
            [.. members.Select(member => member.GetProperty("incarnation").GetInt64())],
            [.. members.Select(member => member.GetProperty("process_id") is { ValueKind: JsonValueKind.Number } id ? id.GetInt32() : 0)],
            members.Length == 0 ? 0 : members.Sum(member => member.GetProperty("slots")[0].EnumerateArray().Count(slot => slot.GetInt32() >= 0)),
            body.RootElement.GetProperty("running").GetInt32() + body.RootElement.GetProperty("queued").GetInt32(),
            body.RootElement.GetProperty("handed_back_requests").GetInt64(),
            [.. body.RootElement.GetProperty("standby_ranks").EnumerateArray().Select(standby => standby.GetProperty("detail").GetString()!)]);
    }

    public void Dispose() => Http.Dispose();

    private static int[] Ids(JsonElement body) => [.. body.GetProperty("choices")[0].GetProperty("token_ids").EnumerateArray().Select(id => id.GetInt32())];
}
