using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ElasticEp.Samples.Tests.Server;

/// <summary>Completions of a test server, as JSON.</summary>
internal static class Completions
{
    public const string Path = "/v1/completions";
    public const string ChatPath = "/v1/chat/completions";

    /// <summary>An answer that is to succeed.</summary>
    public static async Task<JsonElement> AnswerAsync(this TestServer server, JsonObject body, string path = Path)
    {
        var answer = await HttpAnswer.PostAsync(server.Http, path, body.ToJsonString());
        Assert.True(answer.Status == HttpStatusCode.OK, answer.Body.ToString());
        return answer.Body;
    }

    /// <summary>The choices of an answer that is to succeed.</summary>
    public static async Task<JsonElement[]> ChoicesAsync(this TestServer server, JsonObject body, string path = Path) =>
        [.. (await server.AnswerAsync(body, path)).GetProperty("choices").EnumerateArray()];

    /// <summary>The one choice of an answer that is to succeed.</summary>
    public static async Task<JsonElement> ChoiceAsync(this TestServer server, JsonObject body, string path = Path) => Assert.Single(await server.ChoicesAsync(body, path));

    /// <summary>The events of a stream that is to succeed, without its end.</summary>
    public static async Task<JsonElement[]> StreamAsync(this TestServer server, JsonObject body, string path = Path)
    {
        using var content = new StringContent(body.With(("stream", true)).ToJsonString(), System.Text.Encoding.UTF8, "application/json");
        using var response = await server.Http.PostAsync(path, content);
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, text);
        var events = text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Where(line => line.StartsWith("data: ", StringComparison.Ordinal)).Select(line => line[6..]).ToArray();
        Assert.Equal("[DONE]", events[^1]);
        return [.. events[..^1].Select(line => JsonSerializer.Deserialize<JsonElement>(line))];
    }

    /// <summary>An answer that is to be refused by the name of a field; its message.</summary>
    public static async Task<string> RefusedAsync(this TestServer server, JsonObject body, string parameter, string path = Path)
    {
        var answer = await HttpAnswer.PostAsync(server.Http, path, body.ToJsonString());
        Assert.True(answer.Status == HttpStatusCode.BadRequest, $"{body.ToJsonString()} got {answer.Status} {answer.Body}");
        Assert.Equal((parameter, 400), (answer.Error.Param, answer.Error.Code));
        return answer.Error.Message;
    }

    /// <summary>A body of the given fields and others.</summary>
    public static JsonObject With(this JsonObject body, params (string Name, JsonNode? Value)[] fields)
    {
        var changed = (JsonObject)body.DeepClone();
        foreach (var (name, value) in fields)
            changed[name] = value;
        return changed;
    }

    public static JsonArray Ids(IEnumerable<int> ids) => new([.. ids.Select(id => (JsonNode)id)]);

    public static int[] TokenIds(this JsonElement choice) => [.. choice.GetProperty("token_ids").EnumerateArray().Select(id => id.GetInt32())];

    public static string Text(this JsonElement choice) => choice.GetProperty("text").GetString()!;
}
