using System.Text.Json;
using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Serving;

namespace ElasticEp.Samples.Server.Http;

/// <summary>Answers of <c>/v1/completions</c>.</summary>
internal sealed class CompletionFormat(GenerationCall call, TextCodec codec, string model, long created)
    : GenerationFormat("cmpl", "text_completion", "text_completion", call, codec, model, created)
{
    protected override void WriteChoice(Utf8JsonWriter json, ReadOnlySpan<ChoiceDelta> deltas, bool isChunk, string text)
    {
        json.WriteNumber("index"u8, deltas[0].Index);
        json.WriteString("text"u8, text);
        if (Call.Options.LogProbabilities < 0)
        {
            json.WriteNull("logprobs"u8);
            return;
        }

        json.WriteStartObject("logprobs"u8);
        json.WriteStartArray("tokens"u8);
        foreach (var delta in deltas)
            json.WriteStringValue(TextOf(delta.Token.Token));
        json.WriteEndArray();
        json.WriteStartArray("token_logprobs"u8);
        foreach (var delta in deltas)
            json.WriteNumberValue(delta.Token.LogProbabilities![0].LogProbability);
        json.WriteEndArray();
        json.WriteStartArray("top_logprobs"u8);
        foreach (var delta in deltas)
            WriteTop(json, delta.Token.LogProbabilities!);
        json.WriteEndArray();
        json.WriteStartArray("text_offset"u8);
        foreach (var delta in deltas)
            json.WriteNumberValue(delta.Offset);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>An object of text → log probability, the chosen token's among them.</summary>
    private void WriteTop(Utf8JsonWriter json, TokenProbability[] probabilities)
    {
        json.WriteStartObject();
        foreach (var (text, logProbability) in probabilities.Select(entry => (Text: TextOf(entry.Token), entry.LogProbability)).DistinctBy(entry => entry.Text))
            json.WriteNumber(text, logProbability);
        json.WriteEndObject();
    }
}
