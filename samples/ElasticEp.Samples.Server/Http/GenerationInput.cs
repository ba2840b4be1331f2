using System.Security.Cryptography;
using System.Text.Json;
using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Serving;

namespace ElasticEp.Samples.Server.Http;

/// <summary>Checks a generating request and turns it into tokens and options.</summary>
internal sealed class GenerationInput(TextCodec codec, ServedModel model)
{
    private const int DefaultMaxTokens = 16;
    private const int MaxChoices = 128;
    private const int MaxStops = 16;
    private const int MaxCompletionLogProbabilities = 20;

    private readonly PromptInput _prompts = new(codec, model.Config);
    private readonly ChatInput _chats = new(codec, model);

    /// <summary>Choices that a call asks for, without looking at its prompts.</summary>
    /// <exception cref="BadInputException">They are too many, or none.</exception>
    public static int CountChoices(CompletionBody body) => CountChoices(body.N ?? 1, PromptInput.Count(body.Prompt));

    /// <inheritdoc cref="CountChoices(CompletionBody)"/>
    public static int CountChoices(ChatBody body) => CountChoices(body.N ?? 1, 1);

    /// <exception cref="BadInputException">Something is wrong.</exception>
    public GenerationCall Read(CompletionBody body)
    {
        if (body.Echo == true && body.LogProbabilities is not null)
            throw NotSupported("echo with logprobs", "log probabilities of the prompt are not computed", "echo");
        if (!string.IsNullOrEmpty(body.Suffix))
            throw NotSupported("suffix", "the model only continues");
        if (body.BestOf is { } bestOf && bestOf != (body.N ?? 1))
            throw NotSupported("best_of", "give n");
        if (body.LogProbabilities is < 0 or > MaxCompletionLogProbabilities)
            throw new BadInputException($"logprobs is {body.LogProbabilities}; it must be 0 to {MaxCompletionLogProbabilities}.", "logprobs");
        return Read(body, _prompts.Read(body.Prompt), body.MaxTokens ?? DefaultMaxTokens, body.LogProbabilities ?? GenerationOptions.NoLogProbabilities, []) with { Echoes = body.Echo == true };
    }

    /// <exception cref="BadInputException">Something is wrong.</exception>
    public GenerationCall Read(ChatBody body)
    {
        if (body.TopLogProbabilities is < 0 or > MaxCompletionLogProbabilities)
            throw new BadInputException($"top_logprobs is {body.TopLogProbabilities}; it must be 0 to {MaxCompletionLogProbabilities}.", "top_logprobs");
        if (body.TopLogProbabilities is > 0 && body.LogProbabilities != true)
            throw new BadInputException("top_logprobs needs logprobs = true.", "top_logprobs");
        var reading = _chats.ReadingOf(body);
        var prompt = _chats.Read(body.Messages, body.Tools, body.ChatTemplateKwargs);
        var room = Math.Min(model.Generation.MaxNewTokens ?? int.MaxValue, model.Limits.Positions - prompt.Length);
        var maxTokens = body.MaxCompletionTokens ?? body.MaxTokens ?? Math.Max(1, room);
        return Read(body, [prompt], maxTokens, body.LogProbabilities == true ? body.TopLogProbabilities ?? 0 : GenerationOptions.NoLogProbabilities, _chats.EndOfTurn) with { Reading = reading };
    }

    private GenerationCall Read(GenerationBody body, IReadOnlyList<int[]> prompts, int maxTokens, int logProbabilities, IReadOnlyList<int> endOfTurn)
    {
        CheckModel(body.Model);
        CheckNeutral(body);
        if (maxTokens < 1)
            throw new BadInputException($"max_tokens is {maxTokens}; it must be at least 1.", "max_tokens");
        var longest = prompts.Max(prompt => prompt.Length);
        if (longest + (long)maxTokens > model.Limits.Positions)
            throw new BadInputException($"The prompt has {longest} tokens and max_tokens is {maxTokens}; together they may be {model.Limits.Positions}.", "prompt");
        if (body.StopTokenIds?.FindIndex(token => token < 0 || token >= model.Config.VocabularySize) is >= 0 and var wrong)
            throw new BadInputException($"stop_token_ids has {body.StopTokenIds[wrong]}; the vocabulary has {model.Config.VocabularySize}.", "stop_token_ids");
        var choices = body.N ?? 1;
        return new GenerationCall
        {
            Prompts = prompts,
            Options = new GenerationOptions(maxTokens, ReadSampling(body), body.IgnoreEos == true)
            {
                Choices = choices,
                LogProbabilities = logProbabilities,
                StopTokens = [.. body.StopTokenIds ?? [], .. body.IgnoreEos == true ? [] : endOfTurn],
            },
            Choices = choices,
            Stops = ReadStops(body.Stop),
            IsStream = body.Stream == true,
            IncludesUsage = body.StreamOptions?.IncludeUsage == true,
            ReturnsTokenIds = body.ReturnTokenIds == true,
        };
    }

    private static int CountChoices(int n, int prompts) => n is >= 1 and <= MaxChoices && n * (long)prompts <= MaxChoices
        ? n * prompts
        : throw new BadInputException($"n is {n} for {prompts} prompts; there may be 1 to {MaxChoices} choices in all.", "n");

    private void CheckModel(string? name)
    {
        if (name is not null && !model.IsNamed(name))
            throw new BadInputException($"The model `{name}` does not exist; this server has `{model.Id}`.", "model", StatusCodes.Status404NotFound);
    }

    private static void CheckNeutral(GenerationBody body)
    {
        if (body.PresencePenalty is not (null or 0))
            throw NotSupported("presence_penalty", "leave it at 0");
        if (body.FrequencyPenalty is not (null or 0))
            throw NotSupported("frequency_penalty", "leave it at 0");
        if (body.RepetitionPenalty is not (null or 1))
            throw NotSupported("repetition_penalty", "leave it at 1");
        if (body.LogitBias is not null and not { Count: 0 })
            throw NotSupported("logit_bias", "leave it out");
        if (body.ResponseFormat is not (null or { Type: null or "text" }))
            throw NotSupported("response_format", "only text is generated");
    }

    private SamplingSettings ReadSampling(GenerationBody body)
    {
        var (temperature, topP, topK, minP) = (
            body.Temperature ?? model.Generation.Temperature ?? 1f, body.TopP ?? model.Generation.TopP ?? 1f, body.TopK ?? model.Generation.TopK ?? 0, body.MinP ?? model.Generation.MinP ?? 0f);
        if (!float.IsFinite(temperature) || temperature is < 0 or > 2)
            throw new BadInputException($"temperature is {temperature}; it must be 0 to 2.", "temperature");
        if (topP is not (> 0 and <= 1))
            throw new BadInputException($"top_p is {topP}; it must be above 0 and at most 1.", "top_p");
        if (topK < -1)
            throw new BadInputException($"top_k is {topK}; it must be -1 or 0 for all tokens, or a positive number.", "top_k");
        if (minP is not (>= 0 and <= 1))
            throw new BadInputException($"min_p is {minP}; it must be 0 to 1.", "min_p");

        // Fixed here, at admission: from now on the output is a pure function of (request, position).
        var seed = body.Seed is { } given ? unchecked((ulong)given) : BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8));
        return new SamplingSettings(temperature, seed, Math.Max(0, topK), topP, minP);
    }

    private static string[] ReadStops(JsonElement stop)
    {
        string[] stops = stop.ValueKind switch
        {
            JsonValueKind.Undefined or JsonValueKind.Null => [],
            JsonValueKind.String => [JsonInput.Text(stop, "stop")],
            JsonValueKind.Array when stop.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String) => [.. stop.EnumerateArray().Select(item => JsonInput.Text(item, "stop"))],
            _ => throw new BadInputException("stop must be a text or a list of texts.", "stop"),
        };
        if (stops.Length > MaxStops || stops.Any(string.IsNullOrEmpty))
            throw new BadInputException($"stop has {stops.Length} texts; there may be up to {MaxStops}, and none may be empty.", "stop");
        return stops;
    }

    private static BadInputException NotSupported(string what, string instead, string? parameter = null) => new($"{what} is not supported by this server: {instead}.", parameter ?? what);
}
