using System.Globalization;
using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Serving;

namespace ElasticEp.Samples.Server.Http;

/// <summary>Checks what a request says about logits and turns it into adjustments.</summary>
internal sealed class AdjustmentInput(TextCodec codec, ServedModel model)
{
    private const int MaxAllowed = 16_384;
    private const int MaxBiases = 1024;
    private const int MaxBadWords = 256;
    private const int MaxBadWordLength = 256;
    private const float MaxBias = 100;

    /// <summary>What the body asks for.</summary>
    /// <param name="body">The body.</param>
    /// <param name="maxTokens">Most tokens to generate.</param>
    /// <param name="stops">Tokens that end the text, beside the model's own.</param>
    /// <exception cref="BadInputException">Something is wrong.</exception>
    public LogitAdjustments Read(GenerationBody body, int maxTokens, IReadOnlyList<int> stops)
    {
        var adjustments = new LogitAdjustments
        {
            AllowedTokens = ReadAllowed(body.AllowedTokenIds),
            BannedWords = ReadBadWords(body.BadWords),
            MinTokens = ReadMinTokens(body.MinTokens, maxTokens),
            Biases = ReadBiases(body.LogitBias),
            RepetitionPenalty = body.RepetitionPenalty ?? model.Generation.RepetitionPenalty ?? 1,
            FrequencyPenalty = body.FrequencyPenalty ?? 0,
            PresencePenalty = body.PresencePenalty ?? 0,
        };
        CheckPenalty(adjustments.FrequencyPenalty, "frequency_penalty");
        CheckPenalty(adjustments.PresencePenalty, "presence_penalty");
        if (!float.IsFinite(adjustments.RepetitionPenalty) || adjustments.RepetitionPenalty <= 0)
            throw new BadInputException($"repetition_penalty is {adjustments.RepetitionPenalty}; it must be above 0.", "repetition_penalty");
        CheckLeavesAny(adjustments, stops);
        return adjustments.IsNone ? LogitAdjustments.None : adjustments;
    }

    private static void CheckPenalty(float penalty, string parameter)
    {
        if (penalty is not (>= -2 and <= 2))
            throw new BadInputException($"{parameter} is {penalty}; it must be -2 to 2.", parameter);
    }

    private static int ReadMinTokens(int? given, int maxTokens) => given is < 0 || given > maxTokens
        ? throw new BadInputException($"min_tokens is {given}; it must be 0 to max_tokens, which is {maxTokens}.", "min_tokens")
        : given ?? 0;

    private int[] ReadAllowed(List<int>? tokens)
    {
        if (tokens is null)
            return [];
        if (tokens.Count is 0 or > MaxAllowed)
            throw new BadInputException($"allowed_token_ids has {tokens.Count} tokens; there may be 1 to {MaxAllowed}.", "allowed_token_ids");
        foreach (var token in tokens)
            CheckToken(token, "allowed_token_ids");
        return [.. tokens.Distinct()];
    }

    private TokenBias[] ReadBiases(Dictionary<string, float>? biases)
    {
        if (biases is null)
            return [];
        if (biases.Count > MaxBiases)
            throw new BadInputException($"logit_bias has {biases.Count} tokens; there may be {MaxBiases}.", "logit_bias");
        return [.. biases.Select(entry => new TokenBias(ReadToken(entry.Key), Math.Clamp(entry.Value, -MaxBias, MaxBias)))];
    }

    private int ReadToken(string name)
    {
        if (!int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var token))
            throw new BadInputException($"logit_bias has `{name}`, which is no token id.", "logit_bias");
        CheckToken(token, "logit_bias");
        return token;
    }

    private void CheckToken(int token, string parameter)
    {
        if (token < 0 || token >= model.Config.VocabularySize)
            throw new BadInputException($"{parameter} has {token}; the vocabulary has {model.Config.VocabularySize}.", parameter);
    }

    /// <summary>
    /// A word as tokens, as it begins a text, and as it follows a space, where its first token is another one then and the rest is the same: as vLLM does it.
    /// </summary>
    private List<int[]> ReadBadWords(List<string>? words)
    {
        var banned = new List<int[]>();
        if (words?.Count > MaxBadWords || words?.Exists(static word => string.IsNullOrWhiteSpace(word) || word.Length > MaxBadWordLength) == true)
            throw new BadInputException($"bad_words has {words.Count} texts; there may be {MaxBadWords} of 1 to {MaxBadWordLength} characters, and none of spaces alone.", "bad_words");
        foreach (var word in (words ?? []).Distinct(StringComparer.Ordinal))
        {
            var text = word.TrimStart();
            var (first, later) = (codec.Encode(text), codec.Encode($" {text}"));
            banned.Add(first);
            if (later[0] != first[0] && later.Length == first.Length)
                banned.Add(later);
        }

        return banned;
    }

    /// <summary>A request whose first token is impossible is wrong; one that leaves none in the middle of a text fails there.</summary>
    private void CheckLeavesAny(LogitAdjustments adjustments, IReadOnlyList<int> stops)
    {
        if (adjustments.AllowedTokens.Count == 0)
            return;
        var banned = adjustments.BannedWords.Where(static word => word.Length == 1).Select(static word => word[0]);
        if (adjustments.MinTokens > 0)
            banned = [.. banned, .. stops, .. model.Limits.EndTokens];
        if (!adjustments.AllowedTokens.Except(banned).Any())
            throw new BadInputException("allowed_token_ids has only tokens that bad_words or min_tokens do not let come.", "allowed_token_ids");
    }
}
