using System.Buffers;

namespace ElasticEp.Samples.Serving;

/// <summary>
/// How logits are changed before a token is chosen, in this order: allowed tokens, banned words, tokens that would end the text too early, biases,
/// penalties. It is data of a sequence, and what depends on the text is counted from the text so far: a step that is run again, and another rank, get the
/// same. A banned token has the logit −∞, which nothing that comes after changes.
/// </summary>
public sealed record LogitAdjustments
{
    /// <summary>Logits stay what they are.</summary>
    public static LogitAdjustments None { get; } = new();

    /// <summary>The only tokens that may come.</summary>
    /// <value>Empty: all.</value>
    public IReadOnlyList<int> AllowedTokens { get; init; } = [];

    /// <summary>Words that may not be generated, each as its tokens, at least one: where the text ends with all but the last, that one is banned.</summary>
    public IReadOnlyList<int[]> BannedWords { get; init; } = [];

    /// <summary>How many tokens come before one of <see cref="EndTokens"/> may.</summary>
    public int MinTokens { get; init; }

    /// <summary>Tokens that end the text. Serving puts those of the model and of the request here, where <see cref="MinTokens"/> is given.</summary>
    public IReadOnlyList<int> EndTokens { get; init; } = [];

    /// <summary>What is added to logits of single tokens.</summary>
    public IReadOnlyList<TokenBias> Biases { get; init; } = [];

    /// <summary>Divides positive logits of tokens that the prompt or the text has, and multiplies negative ones; above 0.</summary>
    /// <value>1: no change.</value>
    public float RepetitionPenalty { get; init; } = 1;

    /// <summary>Is subtracted from the logit of a token as often as the text has it; the prompt does not count.</summary>
    public float FrequencyPenalty { get; init; }

    /// <summary>Is subtracted once from the logits of tokens that the text has; the prompt does not count.</summary>
    public float PresencePenalty { get; init; }

    /// <summary>Whether there is any penalty.</summary>
    public bool HasPenalties => RepetitionPenalty != 1 || FrequencyPenalty != 0 || PresencePenalty != 0;

    /// <summary>Whether logits depend on which tokens were generated so far, and not on their number alone.</summary>
    public bool DependsOnText => HasPenalties || BannedWords.Any(static word => word.Length > 1);

    /// <summary>Whether logits stay what they are.</summary>
    public bool IsNone => AllowedTokens.Count == 0 && BannedWords.Count == 0 && MinTokens == 0 && Biases.Count == 0 && !HasPenalties;

    /// <summary>Changes the logits of one place of the text.</summary>
    /// <param name="logits">Logits <c>[vocabulary]</c>, all finite.</param>
    /// <param name="position">The place in the generated text, from 0 on.</param>
    /// <param name="prompt">Tokens of the prompt.</param>
    /// <param name="generated">Tokens of the text before that place <c>[position]</c>; only looked at when <see cref="DependsOnText"/>.</param>
    public void Apply(Span<float> logits, int position, IReadOnlyList<int> prompt, ReadOnlySpan<int> generated)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        if (AllowedTokens.Count > 0)
            BanOthers(logits);
        foreach (var word in BannedWords)
        {
            if (generated.EndsWith(word.AsSpan(0, word.Length - 1)))
                logits[word[^1]] = float.NegativeInfinity;
        }

        for (var i = 0; i < EndTokens.Count && position < MinTokens; i++)
            logits[EndTokens[i]] = float.NegativeInfinity;
        foreach (var (token, bias) in Biases)
            logits[token] += bias;
        if (HasPenalties)
            Penalize(logits, prompt, generated);
    }

    private void BanOthers(Span<float> logits)
    {
        var kept = ArrayPool<float>.Shared.Rent(AllowedTokens.Count);
        for (var i = 0; i < AllowedTokens.Count; i++)
            kept[i] = logits[AllowedTokens[i]];
        logits.Fill(float.NegativeInfinity);
        for (var i = 0; i < AllowedTokens.Count; i++)
            logits[AllowedTokens[i]] = kept[i];
        ArrayPool<float>.Shared.Return(kept);
    }

    private void Penalize(Span<float> logits, IReadOnlyList<int> prompt, ReadOnlySpan<int> generated)
    {
        const int InPrompt = -1;
        var rented = ArrayPool<int>.Shared.Rent(logits.Length);
        var counts = rented.AsSpan(0, logits.Length); // how often the text has each token
        counts.Clear();
        foreach (var token in generated)
            counts[token]++;
        for (var i = 0; i < prompt.Count; i++)
        {
            ref var count = ref counts[prompt[i]];
            if (count == 0)
                count = InPrompt;
        }

        for (var token = 0; token < counts.Length; token++)
        {
            if (counts[token] != 0 && !float.IsNegativeInfinity(logits[token]))
                logits[token] = Penalize(logits[token], Math.Max(0, counts[token]));
        }

        ArrayPool<int>.Shared.Return(rented);
    }

    /// <summary>The logit of a token that the prompt or the text has.</summary>
    private float Penalize(double logit, int count)
    {
        logit = logit > 0 ? logit / RepetitionPenalty : logit * RepetitionPenalty;
        if (count > 0)
            logit -= ((double)FrequencyPenalty * count) + PresencePenalty;
        return (float)Math.Clamp(logit, float.MinValue, float.MaxValue); // a penalty bans nothing, and makes no token certain
    }
}
