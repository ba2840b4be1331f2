using System.Text.Json;
using ElasticEp.Samples.Qwen3Moe;

namespace ElasticEp.Samples.Server.Http;

/// <summary>Prompts as tokens.</summary>
internal sealed class PromptInput(TextCodec codec, Qwen3MoeConfig config)
{
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

    public static bool IsList(JsonElement prompt) => prompt.ValueKind == JsonValueKind.Array && prompt.GetArrayLength() > 0 && prompt[0].ValueKind is JsonValueKind.String or JsonValueKind.Array;

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
