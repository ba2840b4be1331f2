using System.Buffers;
using System.Text.Json;
using ElasticEp.Samples.Bench.Load;

namespace ElasticEp.Samples.Bench.Http;

/// <summary>Writes the bodies of completion requests.</summary>
internal static class CompletionBody
{
    public static ReadOnlyMemory<byte> Create(string model, BenchPrompt prompt, int maxTokens, bool ignoresEos, bool isStream = true)
    {
        var body = new ArrayBufferWriter<byte>();
        using var writer = new Utf8JsonWriter(body);
        writer.WriteStartObject();
        writer.WriteString("model", model);
        if (prompt.Ids is { } ids)
        {
            writer.WriteStartArray("prompt");
            foreach (var id in ids)
                writer.WriteNumberValue(id);
            writer.WriteEndArray();
        }
        else
        {
            writer.WriteString("prompt", prompt.Text);
        }

        writer.WriteNumber("max_tokens", maxTokens);
        writer.WriteNumber("temperature", 0);
        if (ignoresEos)
            writer.WriteBoolean("ignore_eos", true);
        if (isStream)
        {
            writer.WriteBoolean("stream", true);
            writer.WriteStartObject("stream_options");
            writer.WriteBoolean("include_usage", true);
            writer.WriteEndObject();
            writer.WriteBoolean("return_token_ids", true); // tells how many tokens a piece has
        }

        writer.WriteEndObject();
        writer.Flush();
        return body.WrittenMemory;
    }
}
