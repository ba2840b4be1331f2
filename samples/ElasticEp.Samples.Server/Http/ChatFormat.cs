using System.Text.Json;
using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Serving;

namespace ElasticEp.Samples.Server.Http;

/// <summary>Answers of <c>/v1/chat/completions</c>.</summary>
internal sealed class ChatFormat(GenerationCall call, TextCodec codec, string model, long created)
    : GenerationFormat("chatcmpl", "chat.completion.chunk", "chat.completion", call, codec, model, created)
{
    private readonly Dictionary<int, ChatOutput> _outputs = []; // by the place of the choice

    protected override bool ChoicesHavePromptScores => false;

    protected override void WriteChoice(Utf8JsonWriter json, ReadOnlySpan<ChoiceDelta> deltas, bool isChunk, string text, int[] prompt)
    {
        json.WriteNumber("index"u8, deltas[0].Index);
        var output = Output(deltas[0].Index);
        var firstCall = output.Calls;
        var delta = output.Add(text, deltas[^1].Finish != FinishReason.None);
        json.WriteStartObject(isChunk ? "delta"u8 : "message"u8);
        if (!isChunk || deltas[0].IsFirst)
            json.WriteString("role"u8, "assistant"u8);
        if (delta.Reasoning.Length > 0)
            json.WriteString("reasoning"u8, delta.Reasoning);
        if (delta.Content.Length > 0 || (delta.Reasoning.Length == 0 && delta.Calls.Count == 0))
            json.WriteString("content"u8, delta.Content);
        else if (!isChunk)
            json.WriteNull("content"u8);
        if (!isChunk)
            json.WriteNull("refusal"u8);
        WriteCalls(json, delta.Calls, isChunk, firstCall);
        json.WriteEndObject();
        WriteLogProbabilities(json, deltas);
    }

    protected override string? FinishOf(in ChoiceDelta last) => last.Finish == FinishReason.Stop && Output(last.Index).Calls > 0 ? "tool_calls" : base.FinishOf(last);

    private ChatOutput Output(int index) => _outputs.TryGetValue(index, out var output) ? output : (_outputs[index] = new ChatOutput(Call.Reading));

    private static void WriteCalls(Utf8JsonWriter json, IReadOnlyList<ChatToolCall> calls, bool isChunk, int first)
    {
        if (calls.Count == 0)
            return;
        json.WriteStartArray("tool_calls"u8);
        for (var i = 0; i < calls.Count; i++)
        {
            json.WriteStartObject();
            if (isChunk)
                json.WriteNumber("index"u8, first + i);
            json.WriteString("id"u8, calls[i].Id);
            json.WriteString("type"u8, "function"u8);
            json.WriteStartObject("function"u8);
            json.WriteString("name"u8, calls[i].Name);
            json.WriteString("arguments"u8, calls[i].Arguments);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private void WriteLogProbabilities(Utf8JsonWriter json, ReadOnlySpan<ChoiceDelta> deltas)
    {
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
