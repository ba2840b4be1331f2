using System.Globalization;
using System.Text.Json;
using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Serving;

namespace ElasticEp.Samples.Server.Http;

/// <summary>How answers are written, whole and in chunks; what differs between completions and chat is in those.</summary>
internal abstract class GenerationFormat(string idPrefix, string chunkObject, string wholeObject, GenerationCall call, TextCodec codec, string model, long created)
{
    private readonly string _id = $"{idPrefix}-{Guid.NewGuid():N}";

    protected GenerationCall Call { get; } = call;

    /// <summary>One token of one choice.</summary>
    public void WriteChunk(Utf8JsonWriter json, ReadOnlySpan<ChoiceDelta> delta, int[] prompt)
    {
        WriteHead(json, chunkObject);
        json.WriteStartObject();
        WriteChoice(json, delta, isChunk: true, delta[0].Text, prompt);
        WriteEnd(json, delta[^1]);
        WriteTokenIds(json, delta, delta[0].IsFirst ? prompt : null);
        json.WriteEndObject();
        json.WriteEndArray();
        if (Call.IncludesContinuousUsage)
            WriteUsage(json, prompt.Length, Call.IsPromptOnly ? 0 : delta[^1].Token.Position + 1);
        else if (Call.IncludesUsage)
            json.WriteNull("usage"u8);
        json.WriteEndObject();
    }

    /// <summary>The last chunk, which has the usage and nothing else.</summary>
    public void WriteUsageChunk(Utf8JsonWriter json, int promptTokens, int completionTokens)
    {
        WriteHead(json, chunkObject);
        json.WriteEndArray();
        WriteUsage(json, promptTokens, completionTokens);
        json.WriteEndObject();
    }

    /// <summary>All choices, each with its tokens.</summary>
    public void WriteWhole(Utf8JsonWriter json, IReadOnlyList<(int[] Prompt, ChoiceDelta[] Deltas)> choices, int promptTokens)
    {
        WriteHead(json, wholeObject);
        foreach (var (prompt, deltas) in choices)
        {
            json.WriteStartObject();
            WriteChoice(json, deltas, isChunk: false, string.Concat(deltas.Select(delta => delta.Text)), prompt);
            WriteEnd(json, deltas[^1]);
            WriteTokenIds(json, deltas, prompt);
            if (Call.ReturnsPromptScores && ChoicesHavePromptScores)
                WritePromptScores(json, prompt, deltas[0].Token.PromptScores!);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        if (Call.ReturnsPromptScores && !ChoicesHavePromptScores)
            WritePromptScores(json, choices[0].Prompt, choices[0].Deltas[0].Token.PromptScores!);
        WriteUsage(json, promptTokens, Call.IsPromptOnly ? 0 : choices.Sum(choice => choice.Deltas.Length));
        json.WriteEndObject();
    }

    /// <summary>Whether the scores of prompts are part of choices, or of the answer, whose choices have one prompt.</summary>
    protected abstract bool ChoicesHavePromptScores { get; }

    /// <summary>The text of a choice or chunk in its own shape, and its log probabilities if they were asked for.</summary>
    protected abstract void WriteChoice(Utf8JsonWriter json, ReadOnlySpan<ChoiceDelta> deltas, bool isChunk, string text, int[] prompt);

    /// <summary>How a token is told: its text, as far as it is text by itself, or its id.</summary>
    protected string NameOf(int token) => Call.TellsTokensById ? string.Create(CultureInfo.InvariantCulture, $"token_id:{token}") : codec.Decode([token]);

    /// <summary>Characters before each token of a prompt.</summary>
    protected int[] OffsetsOf(int[] prompt)
    {
        var (decoder, offset) = (new StreamingDecoder(codec), 0);
        var offsets = new int[prompt.Length];
        for (var i = 0; i < prompt.Length; i++)
        {
            offsets[i] = offset;
            offset += decoder.Add(prompt[i], isLast: i == prompt.Length - 1).Length;
        }

        return offsets;
    }

    protected byte[] BytesOf(int token) => codec.Bytes(token);

    private void WriteHead(Utf8JsonWriter json, string kind)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, _id);
        json.WriteString("object"u8, kind);
        json.WriteNumber("created"u8, created);
        json.WriteString("model"u8, model);
        json.WriteStartArray("choices"u8);
    }

    /// <summary>Why a choice ends; null when it does not.</summary>
    protected virtual string? FinishOf(in ChoiceDelta last) => last.Finish switch
    {
        FinishReason.Stop => "stop",
        FinishReason.Length => "length",
        _ => null,
    };

    private void WriteEnd(Utf8JsonWriter json, in ChoiceDelta last)
    {
        json.WriteString("finish_reason"u8, FinishOf(last));
        if (last.StopToken is { } token)
            json.WriteNumber("stop_reason"u8, token);
        else
            json.WriteString("stop_reason"u8, last.StopText);
    }

    private void WriteTokenIds(Utf8JsonWriter json, ReadOnlySpan<ChoiceDelta> deltas, int[]? prompt)
    {
        if (!Call.ReturnsTokenIds)
            return;
        json.WriteStartArray("token_ids"u8);
        foreach (var delta in deltas)
        {
            if (!Call.IsPromptOnly)
                json.WriteNumberValue(delta.Token.Token);
        }

        json.WriteEndArray();
        if (prompt is null)
            return;
        json.WriteStartArray("prompt_token_ids"u8);
        foreach (var token in prompt)
            json.WriteNumberValue(token);
        json.WriteEndArray();
    }

    /// <summary>For each token of the prompt an object of id → log probability, its own first; null for the first one.</summary>
    private void WritePromptScores(Utf8JsonWriter json, int[] prompt, TokenProbability[][] scores)
    {
        json.WriteStartArray("prompt_logprobs"u8);
        json.WriteNullValue();
        for (var i = 1; i < prompt.Length; i++)
        {
            json.WriteStartObject();
            foreach (var entry in scores[i - 1].DistinctBy(static entry => entry.Token))
            {
                json.WriteStartObject(entry.Token.ToString(CultureInfo.InvariantCulture));
                json.WriteNumber("logprob"u8, entry.LogProbability);
                json.WriteNumber("rank"u8, entry.Rank);
                json.WriteString("decoded_token"u8, codec.Decode([entry.Token]));
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteUsage(Utf8JsonWriter json, int promptTokens, int completionTokens)
    {
        json.WriteStartObject("usage"u8);
        json.WriteNumber("prompt_tokens"u8, promptTokens);
        json.WriteNumber("completion_tokens"u8, completionTokens);
        json.WriteNumber("total_tokens"u8, promptTokens + completionTokens);
        json.WriteEndObject();
    }
}
