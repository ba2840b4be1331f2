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
    private const int MaxStopTokens = 1024;
    private const int MaxLogProbabilities = 20;
    private const long MaxScoreBytes = 16 << 20; // of all prompts of a call, on their way from the ranks
    private const int ScoreBytes = 12;

    private readonly PromptInput _prompts = new(codec, model.Config);
    private readonly ChatInput _chats = new(codec, model);
    private readonly AdjustmentInput _adjustments = new(codec, model);

    /// <summary>Choices that a call asks for, without looking at its prompts.</summary>
    /// <exception cref="BadInputException">They are too many, or none.</exception>
    public static int CountChoices(CompletionBody body) => CountChoices(body.N ?? 1, PromptInput.Count(body.Prompt));

    /// <inheritdoc cref="CountChoices(CompletionBody)"/>
    public static int CountChoices(ChatBody body) => CountChoices(body.N ?? 1, 1);

    /// <exception cref="BadInputException">Something is wrong.</exception>
    public GenerationCall Read(CompletionBody body)
    {
        RequestFields.CheckOthers(body.Others, isChat: false);
        if (body.BestOf is { } bestOf && bestOf != (body.N ?? 1))
            throw NotSupported("best_of", "give n");
        CheckLogProbabilities(body.LogProbabilities, "logprobs");
        var (maxTokens, echoes) = (body.MaxTokens ?? DefaultMaxTokens, body.Echo == true);
        var isPromptOnly = echoes && maxTokens == 0;
        var scored = body.PromptLogProbabilities ?? (echoes ? body.LogProbabilities : null);
        var prompts = _prompts.Read(body.Prompt).Select(prompt => Truncate(prompt, body, maxTokens)).ToArray();
        var call = Read(body, prompts, isPromptOnly ? 1 : maxTokens, body.LogProbabilities, scored, []);
        return call with { Echoes = echoes, IsPromptOnly = isPromptOnly };
    }

    /// <exception cref="BadInputException">Something is wrong.</exception>
    public GenerationCall Read(ChatBody body)
    {
        RequestFields.CheckOthers(body.Others, isChat: true);
        CheckLogProbabilities(body.TopLogProbabilities, "top_logprobs");
        if (body.TopLogProbabilities is > 0 && body.LogProbabilities != true)
            throw new BadInputException("top_logprobs needs logprobs = true.", "top_logprobs");
        var reading = _chats.ReadingOf(body);
        var given = body.MaxCompletionTokens ?? body.MaxTokens;
        var prompt = Truncate(_chats.Read(body.Messages, body.Tools, body.ChatTemplateKwargs), body, given ?? 1);
        var room = Math.Min(model.Generation.MaxNewTokens ?? int.MaxValue, model.Limits.Positions - prompt.Length);
        var maxTokens = given ?? Math.Max(1, room);
        return Read(body, [prompt], maxTokens, body.LogProbabilities == true ? body.TopLogProbabilities ?? 0 : null, body.PromptLogProbabilities, _chats.EndOfTurn) with { Reading = reading };
    }

    private GenerationCall Read(GenerationBody body, int[][] prompts, int maxTokens, int? logProbabilities, int? promptLogProbabilities, IReadOnlyList<int> endOfTurn)
    {
        CheckModel(body.Model);
        if (body.ResponseFormat is not (null or { Type: null or "text" }))
            throw NotSupported("response_format", "only text is generated");
        if (maxTokens < 1)
            throw new BadInputException($"max_tokens is {maxTokens}; it must be at least 1, or 0 with echo, which repeats the prompt.", "max_tokens");
        var longest = prompts.Max(prompt => prompt.Length);
        if (longest + (long)maxTokens > model.Limits.Positions)
            throw new BadInputException($"The prompt has {longest} tokens and max_tokens is {maxTokens}; together they may be {model.Limits.Positions}.", "prompt");
        var choices = body.N ?? 1;
        CheckScores(body, prompts, choices, promptLogProbabilities);
        CheckStream(body);
        CheckStopTokens(body.StopTokenIds);
        var ignoresEnd = body.IgnoreEos == true;
        int[] stops = [.. body.StopTokenIds ?? [], .. ignoresEnd ? [] : endOfTurn];
        return new GenerationCall
        {
            Prompts = prompts,
            Options = new GenerationOptions(maxTokens, ReadSampling(body), ignoresEnd)
            {
                Choices = choices,
                LogProbabilities = logProbabilities ?? GenerationOptions.NoLogProbabilities,
                PromptLogProbabilities = promptLogProbabilities ?? GenerationOptions.NoLogProbabilities,
                StopTokens = stops,
                Adjustments = _adjustments.Read(body, maxTokens, stops),
            },
            Choices = choices,
            Stops = ReadStops(body.Stop),
            StopTokens = (body.StopTokenIds ?? []).Except(ignoresEnd ? [] : endOfTurn.Concat(model.Limits.EndTokens)).ToHashSet(),
            IsStream = body.Stream == true,
            IncludesUsage = body.StreamOptions?.IncludeUsage == true,
            IncludesContinuousUsage = body.StreamOptions is { IncludeUsage: true, ContinuousUsageStats: true },
            ReturnsTokenIds = body.ReturnTokenIds == true,
            ReturnsPromptScores = body.PromptLogProbabilities is not null,
            IncludesStop = body.IncludeStopStrInOutput == true,
            SkipsSpecialTokens = body.SkipSpecialTokens != false,
            TellsTokensById = body.ReturnTokensAsTokenIds == true,
        };
    }

    private static int CountChoices(int n, int prompts) => n is >= 1 and <= MaxChoices && n * (long)prompts <= MaxChoices
        ? n * prompts
        : throw new BadInputException($"n is {n} for {prompts} prompts; there may be 1 to {MaxChoices} choices in all.", "n");

    /// <summary>The part of a prompt that is to be kept.</summary>
    private int[] Truncate(int[] prompt, GenerationBody body, int maxTokens)
    {
        if (body.TruncationSide is not (null or "left" or "right"))
            throw new BadInputException($"truncation_side is `{body.TruncationSide}`; it must be left or right.", "truncation_side");
        if (body.TruncatePromptTokens is not { } given)
            return prompt;
        if (given is 0 or < -1)
            throw new BadInputException($"truncate_prompt_tokens is {given}; it must be at least 1, or -1 for what fits.", "truncate_prompt_tokens");
        var kept = given > 0 ? given : model.Limits.Positions - Math.Max(1, maxTokens);
        if (kept < 1)
            throw new BadInputException($"max_tokens is {maxTokens}; that leaves no room for a prompt, as together they may be {model.Limits.Positions}.", "max_tokens");
        return prompt.Length <= kept ? prompt : body.TruncationSide == "right" ? prompt[..kept] : prompt[^kept..];
    }

    private static void CheckLogProbabilities(int? given, string parameter)
    {
        if (given is < 0 or > MaxLogProbabilities)
            throw new BadInputException($"{parameter} is {given}; it must be 0 to {MaxLogProbabilities}.", parameter);
    }

    private static void CheckScores(GenerationBody body, int[][] prompts, int choices, int? scored)
    {
        CheckLogProbabilities(body.PromptLogProbabilities, "prompt_logprobs");
        if (body is { PromptLogProbabilities: not null, Stream: true })
            throw new BadInputException("prompt_logprobs cannot be streamed; leave stream out.", "prompt_logprobs");
        var bytes = scored is null ? 0 : prompts.Sum(static prompt => (long)prompt.Length) * choices * (1 + scored.Value) * ScoreBytes;
        if (bytes > MaxScoreBytes)
            throw new BadInputException($"The log probabilities of these prompts take {bytes} bytes, and may take {MaxScoreBytes} in a call; ask for fewer, or give fewer prompts.", body.PromptLogProbabilities is null ? "logprobs" : "prompt_logprobs");
    }

    private static void CheckStream(GenerationBody body)
    {
        if (body.Stream != true && body.StreamOptions is { } options && (options.IncludeUsage == true || options.ContinuousUsageStats == true))
            throw new BadInputException("stream_options needs stream = true.", "stream_options");
    }

    private void CheckStopTokens(List<int>? tokens)
    {
        if (tokens?.Count > MaxStopTokens)
            throw new BadInputException($"stop_token_ids has {tokens.Count} tokens; there may be {MaxStopTokens}.", "stop_token_ids");
        if (tokens?.FindIndex(token => token < 0 || token >= model.Config.VocabularySize) is >= 0 and var wrong)
            throw new BadInputException($"stop_token_ids has {tokens[wrong]}; the vocabulary has {model.Config.VocabularySize}.", "stop_token_ids");
    }

    private void CheckModel(string? name)
    {
        if (name is not null && !model.IsNamed(name))
            throw new BadInputException($"The model `{name}` does not exist; this server has `{model.Id}`.", "model", StatusCodes.Status404NotFound);
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

    private static BadInputException NotSupported(string what, string instead) => new($"{what} is not supported by this server: {instead}.", what);
}
