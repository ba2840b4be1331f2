using System.Text.Json;
using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Server.Serving;

namespace ElasticEp.Samples.Server.Http;

/// <summary>Checks a completion request and turns it into tokens and options.</summary>
internal static class CompletionInput
{
    private const int DefaultMaxTokens = 16;

    public static (int[] Prompt, GenerationOptions Options, IResult? Error) Read(CompletionRequest body, TextCodec codec, Qwen3MoeConfig config)
    {
        var (prompt, error) = ReadPrompt(body.Prompt, codec, config);
        if (error is not null)
            return Refused(error);
        var maxTokens = body.MaxTokens ?? DefaultMaxTokens;
        if (maxTokens < 1)
            return Refused(HttpErrors.BadRequest($"max_tokens is {maxTokens}; it must be at least 1.", "max_tokens"));
        if (prompt.Length + maxTokens > config.MaxPositions)
            return Refused(HttpErrors.BadRequest($"The prompt has {prompt.Length} tokens and max_tokens is {maxTokens}; together they may be {config.MaxPositions}.", "prompt"));
        var temperature = body.Temperature ?? 1f;
        if (!float.IsFinite(temperature) || temperature is < 0 or > 2)
            return Refused(HttpErrors.BadRequest($"temperature is {temperature}; it must be 0 to 2.", "temperature"));

        // Fixed here, at admission: from now on the output is a pure function of (request, position).
        var seed = body.Seed is { } given ? unchecked((ulong)given) : unchecked((ulong)TimeProvider.System.GetTimestamp());
        return (prompt, new GenerationOptions(maxTokens, temperature, seed, body.IgnoreEos == true), null);
    }

    private static (int[], GenerationOptions, IResult?) Refused(IResult error) => ([], new GenerationOptions(1, 0, 0, false), error);

    private static (int[] Prompt, IResult? Error) ReadPrompt(JsonElement prompt, TextCodec codec, Qwen3MoeConfig config)
    {
        int[] ids;
        switch (prompt.ValueKind)
        {
            case JsonValueKind.String:
                ids = codec.Encode(prompt.GetString()!);
                break;
            case JsonValueKind.Array when prompt.EnumerateArray().All(item => item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out _)):
                ids = [.. prompt.EnumerateArray().Select(item => item.GetInt32())];
                break;
            default:
                return ([], HttpErrors.BadRequest("prompt must be a text or an array of token ids.", "prompt"));
        }

        if (ids.Length == 0)
            return ([], HttpErrors.BadRequest("prompt is empty.", "prompt"));
        var wrong = Array.FindIndex(ids, id => id < 0 || id >= config.VocabularySize);
        return wrong < 0 ? (ids, null) : ([], HttpErrors.BadRequest($"prompt has the token {ids[wrong]}; the vocabulary has {config.VocabularySize}.", "prompt"));
    }
}
