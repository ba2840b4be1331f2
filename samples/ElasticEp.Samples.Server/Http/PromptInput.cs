using System.Text.Json;
using ElasticEp.Samples.Qwen3Moe;

namespace ElasticEp.Samples.Server.Http;

/// <summary>Prompts and conversations as tokens.</summary>
internal sealed class PromptInput(TextCodec codec, Qwen3MoeConfig config)
{
    private const string TurnStart = "<|im_start|>";
    private const string TurnEnd = "<|im_end|>";

    /// <summary>The token that ends an answer in a conversation; empty when the model has none.</summary>
    public IReadOnlyList<int> EndOfTurn { get; } = codec.FindSpecial(TurnEnd) is { } end ? [end] : [];

    /// <summary>How many prompts there are, at least one.</summary>
    public static int Count(JsonElement prompt) => IsList(prompt) ? prompt.GetArrayLength() : 1;

    /// <summary>A text, token ids, or a list of either.</summary>
    /// <exception cref="BadInputException">It is something else, empty, or has tokens outside the vocabulary.</exception>
    public IReadOnlyList<int[]> Read(JsonElement prompt)
    {
        var prompts = prompt.ValueKind switch
        {
            JsonValueKind.Array when IsList(prompt) => prompt.EnumerateArray().Select(ReadOne),
            _ => [ReadOne(prompt)],
        };
        return [.. prompts];
    }

    /// <summary>A conversation in the ChatML form of Qwen's template, up to where the answer begins.</summary>
    /// <exception cref="BadInputException">A message is malformed, or the model has no tokens for turns.</exception>
    public int[] Read(IReadOnlyList<ChatMessage>? messages)
    {
        if (messages is null or [])
            throw new BadInputException("messages is empty.", "messages");
        if (codec.FindSpecial(TurnStart) is not { } start || codec.FindSpecial(TurnEnd) is not { } end)
            throw new BadInputException($"The model's tokenizer has no {TurnStart} and {TurnEnd}, so it cannot chat; use /v1/completions.");
        var newLine = codec.EncodeText("\n");
        var ids = new List<int>();
        foreach (var message in messages)
        {
            if (message is not { Role: "system" or "developer" or "user" or "assistant" or "tool" })
                throw new BadInputException($"role is {(message?.Role is { } role ? $"`{role}`" : "missing")}; it must be system, developer, user, assistant or tool.", "messages");
            ids.Add(start);
            ids.AddRange(codec.EncodeText($"{(message.Role == "developer" ? "system" : message.Role)}\n{ReadContent(message.Content)}"));
            ids.Add(end);
            ids.AddRange(newLine);
        }

        return [.. ids, start, .. codec.EncodeText("assistant\n")];
    }

    private static bool IsList(JsonElement prompt) => prompt.ValueKind == JsonValueKind.Array && prompt.GetArrayLength() > 0 && prompt[0].ValueKind is JsonValueKind.String or JsonValueKind.Array;

    private static string ReadContent(JsonElement content) => content.ValueKind switch
    {
        JsonValueKind.String => JsonInput.Text(content, "messages"),
        JsonValueKind.Null => "",
        JsonValueKind.Array => string.Concat(content.EnumerateArray().Select(part =>
            part.ValueKind == JsonValueKind.Object && part.TryGetProperty("type", out var type) && type.ValueEquals("text") && part.TryGetProperty("text", out var text) && text.ValueKind == JsonValueKind.String
                ? JsonInput.Text(text, "messages")
                : throw new BadInputException("A part of content is not of type text; the model reads nothing else.", "messages"))),
        _ => throw new BadInputException("content must be a text or a list of parts of type text.", "messages"),
    };

    private int[] ReadOne(JsonElement prompt)
    {
        int[] ids = prompt.ValueKind switch
        {
            JsonValueKind.String => codec.Encode(JsonInput.Text(prompt, "prompt")),
            JsonValueKind.Array when ReadIds(prompt) is { } given => given,
            _ => throw new BadInputException("prompt must be a text or an array of token ids, or a list of either.", "prompt"),
        };
        if (ids.Length == 0)
            throw new BadInputException("prompt is empty.", "prompt");
        var wrong = Array.FindIndex(ids, id => id < 0 || id >= config.VocabularySize);
        return wrong < 0 ? ids : throw new BadInputException($"prompt has the token {ids[wrong]}; the vocabulary has {config.VocabularySize}.", "prompt");
    }

    /// <returns>Null when it is not a list of whole numbers.</returns>
    private static int[]? ReadIds(JsonElement prompt)
    {
        var ids = new int[prompt.GetArrayLength()];
        var i = 0;
        foreach (var item in prompt.EnumerateArray())
        {
            if (!JsonInput.TryGetWhole(item, out ids[i++]))
                return null;
        }

        return ids;
    }
}
