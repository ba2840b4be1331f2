using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using ElasticEp.Samples.Qwen3Moe;

namespace ElasticEp.Samples.Server.Http;

/// <summary>Refuses texts that are too long for the model, whatever tokens they become, before they do.</summary>
internal sealed class PromptBounds(TextCodec codec, ServedModel model)
{
    private const int Shortening = 3; // composing its letters makes a text shorter by no more than that

    /// <summary>Most bytes that the text of a prompt may have.</summary>
    public long Most { get; } = (long)model.Limits.Positions * Shortening * Enumerable.Range(0, model.Config.VocabularySize).Max(token => codec.Bytes(token).Length);

    /// <returns>Bytes of all its prompts, as JSON has them.</returns>
    /// <exception cref="BadInputException">One of them is too long.</exception>
    public long Check(CompletionBody body) => PromptInput.IsList(body.Prompt)
        ? body.Prompt.EnumerateArray().Sum(prompt => Check([prompt], "prompt", body))
        : Check([body.Prompt], "prompt", body);

    /// <inheritdoc cref="Check(CompletionBody)"/>
    public long Check(ChatBody body) => Check([.. (body.Messages ?? []).Select(message => message?.Content ?? default)], "messages", body);

    /// <summary>Bytes of JSON, never less than those of its text.</summary>
    public static long Length(JsonElement part) => part.ValueKind == JsonValueKind.Undefined ? 0 : JsonMarshal.GetRawUtf8Value(part).Length;

    /// <summary>Escapes make JSON longer than its text, so the text is looked at only when the JSON is too long.</summary>
    private long Check(ReadOnlySpan<JsonElement> parts, string parameter, GenerationBody body)
    {
        long length = 0, bytes = 0;
        foreach (var part in parts)
            length += Length(part);
        if (length <= Most || body.TruncatePromptTokens is not null) // of a longer one a part is kept; the body is bounded
            return length;
        foreach (var part in parts)
            bytes += TextBytes(part, parameter);
        return bytes <= Most
            ? length
            : throw new BadInputException($"The text has {bytes} bytes; {model.Limits.Positions} tokens, which it may be together with max_tokens, are never so long.", parameter);
    }

    private static long TextBytes(JsonElement part, string parameter) => part.ValueKind switch
    {
        JsonValueKind.String => Encoding.UTF8.GetByteCount(JsonInput.Text(part, parameter)),
        JsonValueKind.Array => part.EnumerateArray().Sum(each => each.ValueKind == JsonValueKind.Object && each.TryGetProperty("text", out var text) ? TextBytes(text, parameter) : 0),
        _ => 0,
    };
}
