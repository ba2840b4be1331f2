using System.Buffers;
using System.Text.Json;

namespace ElasticEp.Samples.Bench.Http;

/// <summary>What matters of one event of a completion's stream.</summary>
/// <param name="HasChoice">Whether it is a piece of the answer, be its text empty or not.</param>
/// <param name="IsFinal">Whether it says why the answer ends.</param>
/// <param name="Tokens">Its tokens: as many as it lists, or 1 when it lists none.</param>
/// <param name="InputTokens">Tokens of the prompt, if it reports usage.</param>
/// <param name="OutputTokens">Tokens of the answer so far, if it reports usage.</param>
/// <param name="Error">The server's error.</param>
internal readonly record struct StreamEvent(bool HasChoice, bool IsFinal, int Tokens, int? InputTokens, int? OutputTokens, string? Error)
{
    /// <summary>Reads the JSON of an event in place; nothing is allocated unless it is an error.</summary>
    /// <exception cref="JsonException">It is not JSON, or not an object.</exception>
    public static StreamEvent Parse(in ReadOnlySequence<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        var parsed = default(StreamEvent);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            throw new JsonException("An event of the stream is not a JSON object.");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("choices"u8))
                ReadChoices(ref reader, ref parsed);
            else if (reader.ValueTextEquals("usage"u8))
                ReadUsage(ref reader, ref parsed);
            else if (reader.ValueTextEquals("error"u8))
                ReadError(ref reader, ref parsed);
            else
                reader.Skip();
        }

        return parsed;
    }

    private static void ReadChoices(ref Utf8JsonReader reader, ref StreamEvent parsed)
    {
        if (!Enter(ref reader, JsonTokenType.StartArray))
            return;
        while (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
        {
            int? listed = null;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                if (reader.ValueTextEquals("finish_reason"u8))
                {
                    reader.Read();
                    parsed = parsed with { IsFinal = parsed.IsFinal || reader.TokenType == JsonTokenType.String };
                }
                else if (reader.ValueTextEquals("token_ids"u8))
                {
                    listed = Enter(ref reader, JsonTokenType.StartArray) ? CountItems(ref reader) : null;
                }
                else
                {
                    reader.Skip();
                }
            }

            parsed = parsed with { HasChoice = true, Tokens = parsed.Tokens + (listed ?? 1) };
        }
    }

    private static void ReadUsage(ref Utf8JsonReader reader, ref StreamEvent parsed)
    {
        if (!Enter(ref reader, JsonTokenType.StartObject))
            return;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isInput = reader.ValueTextEquals("prompt_tokens"u8);
            var isOutput = reader.ValueTextEquals("completion_tokens"u8);
            reader.Read();
            if ((isInput || isOutput) && reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out var tokens))
                parsed = isInput ? parsed with { InputTokens = tokens } : parsed with { OutputTokens = tokens };
            else
                reader.Skip();
        }
    }

    private static void ReadError(ref Utf8JsonReader reader, ref StreamEvent parsed)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.Null)
            return;
        using var error = JsonDocument.ParseValue(ref reader);
        parsed = parsed with { Error = ServerError.Message(error.RootElement) };
    }

    private static int CountItems(ref Utf8JsonReader reader)
    {
        var count = 0;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            reader.Skip();
            count++;
        }

        return count;
    }

    /// <summary>Steps into the value of a property; skips it when it is something else, such as null.</summary>
    private static bool Enter(ref Utf8JsonReader reader, JsonTokenType type)
    {
        reader.Read();
        if (reader.TokenType == type)
            return true;
        reader.Skip();
        return false;
    }
}
