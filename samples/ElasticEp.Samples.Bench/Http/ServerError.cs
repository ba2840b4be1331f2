using System.Text.Json;

namespace ElasticEp.Samples.Bench.Http;

/// <summary>Finds the sentence in what a server answers when something is wrong.</summary>
internal static class ServerError
{
    private const int MaxLength = 300;

    /// <summary>Of an error in OpenAI's shape: <c>{"message": ...}</c>, or that under <c>error</c>; anything else as it is.</summary>
    public static string Message(JsonElement error)
    {
        if (error.ValueKind == JsonValueKind.Object && error.TryGetProperty("error", out var inner))
            return Message(inner);
        if (error.ValueKind == JsonValueKind.Object && error.TryGetProperty("message", out var message) && message.ValueKind == JsonValueKind.String)
            return Shorten(message.GetString()!);
        return Shorten(error.ToString());
    }

    public static string Message(string body)
    {
        try
        {
            using var json = JsonDocument.Parse(body);
            return Message(json.RootElement);
        }
        catch (JsonException)
        {
            return Shorten(body);
        }
    }

    private static string Shorten(string text) => text.Length <= MaxLength ? text : $"{text.AsSpan(0, MaxLength)}...";
}
