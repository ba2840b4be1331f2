using System.Text.Json;
using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Serving;

namespace ElasticEp.Samples.Server.Http;

/// <summary>Answers of <c>/v1/chat/completions</c>.</summary>
internal sealed class ChatFormat(GenerationCall call, TextCodec codec, string model, long created)
    : GenerationFormat("chatcmpl", "chat.completion.chunk", "chat.completion", call, codec, model, created)
{
    protected override bool ChoicesHavePromptScores => false;

    protected override void WriteChoice(Utf8JsonWriter json, ReadOnlySpan<ChoiceDelta> deltas, bool isChunk, string text, int[] prompt)
    {
        json.WriteNumber("index"u8, deltas[0].Index);
        json.WriteStartObject(isChunk ? "delta"u8 : "message"u8);
        if (!isChunk || deltas[0].IsFirst)
            json.WriteString("role"u8, "assistant"u8);
        json.WriteString("content"u8, text);
        if (!isChunk)
            json.WriteNull("refusal"u8);
        json.WriteEndObject();
        if (Call.Options.LogProbabilities < 0)
        {
            json.WriteNull("logprobs"u8);
            return;
        }

        json.WriteStartObject("logprobs"u8);
        json.WriteStartArray("content"u8);
        foreach (var delta in deltas)
        {
            json.WriteStartObject();
            Write(json, delta.Token.LogProbabilities![0]);
            json.WriteStartArray("top_logprobs"u8);
            foreach (var entry in delta.Token.LogProbabilities.AsSpan(1))
            {
                json.WriteStartObject();
                Write(json, entry);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteNull("refusal"u8);
        json.WriteEndObject();
    }

    private void Write(Utf8JsonWriter json, in TokenProbability entry)
    {
        json.WriteString("token"u8, NameOf(entry.Token));
        json.WriteNumber("logprob"u8, entry.LogProbability);
        json.WriteStartArray("bytes"u8);
        foreach (var value in BytesOf(entry.Token))
            json.WriteNumberValue(value);
        json.WriteEndArray();
    }
}
