using System.Text.Json;
using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Serving;

namespace ElasticEp.Samples.Server.Http;

/// <summary>Answers of <c>/v1/completions</c>.</summary>
internal sealed class CompletionFormat(GenerationCall call, TextCodec codec, string model, long created)
    : GenerationFormat("cmpl", "text_completion", "text_completion", call, codec, model, created)
{
    protected override bool ChoicesHavePromptScores => true;

    protected override void WriteChoice(Utf8JsonWriter json, ReadOnlySpan<ChoiceDelta> deltas, bool isChunk, string text, int[] prompt)
    {
        json.WriteNumber("index"u8, deltas[0].Index);
        json.WriteString("text"u8, text);
        if (Call.Options.LogProbabilities < 0)
        {
            json.WriteNull("logprobs"u8);
            return;
        }

        var tokens = Logged(deltas, prompt);
        json.WriteStartObject("logprobs"u8);
        json.WriteStartArray("tokens"u8);
        foreach (var token in tokens)
            json.WriteStringValue(NameOf(token.Token));
        json.WriteEndArray();
        json.WriteStartArray("token_logprobs"u8);
        foreach (var token in tokens)
        {
            if (token.Probabilities is { } probabilities)
                json.WriteNumberValue(probabilities[0].LogProbability);
            else
                json.WriteNullValue();
        }

        json.WriteEndArray();
        json.WriteStartArray("top_logprobs"u8);
        foreach (var token in tokens)
            WriteTop(json, token.Probabilities);
        json.WriteEndArray();
        json.WriteStartArray("text_offset"u8);
        foreach (var token in tokens)
            json.WriteNumberValue(token.Offset);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>The tokens of a piece of text; an echoed prompt's are those of the first piece.</summary>
    private List<LoggedToken> Logged(ReadOnlySpan<ChoiceDelta> deltas, int[] prompt)
    {
        var tokens = new List<LoggedToken>();
        if (Call.Echoes && deltas[0].IsFirst)
        {
            var (scores, offsets) = (deltas[0].Token.PromptScores!, OffsetsOf(prompt));
            for (var i = 0; i < prompt.Length; i++)
                tokens.Add(new LoggedToken(prompt[i], i == 0 ? null : scores[i - 1], offsets[i]));
        }

        foreach (var delta in deltas)
        {
            if (!Call.IsPromptOnly)
                tokens.Add(new LoggedToken(delta.Token.Token, delta.Token.LogProbabilities, delta.Offset));
        }

        return tokens;
    }

    /// <summary>An object of text → log probability, the token's own among them.</summary>
    private void WriteTop(Utf8JsonWriter json, TokenProbability[]? probabilities)
    {
        if (probabilities is null)
        {
            json.WriteNullValue();
            return;
        }

        json.WriteStartObject();
        foreach (var (name, logProbability) in probabilities.Take(1 + Call.Options.LogProbabilities).Select(entry => (Name: NameOf(entry.Token), entry.LogProbability)).DistinctBy(entry => entry.Name))
            json.WriteNumber(name, logProbability);
        json.WriteEndObject();
    }
}
