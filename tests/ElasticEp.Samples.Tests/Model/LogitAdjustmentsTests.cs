using ElasticEp.Samples.Serving;

namespace ElasticEp.Samples.Tests.Model;

/// <summary>What is done to logits, in which order. Expected values are computed by hand.</summary>
public sealed class LogitAdjustmentsTests
{
    private const float Banned = float.NegativeInfinity;

    [Fact]
    public void Only_allowed_tokens_stay() => Assert.Equal([Banned, 2, Banned, 4], Apply([1, 2, 3, 4], new LogitAdjustments { AllowedTokens = [3, 1, 3] }));

    [Fact]
    public void A_word_is_banned_where_the_text_ends_with_all_but_its_last_token()
    {
        var adjustments = new LogitAdjustments { BannedWords = [[0], [1, 2], [1, 1, 3]] };
        Assert.True(adjustments.DependsOnText);
        Assert.Equal([Banned, 2, 3, 4], Apply([1, 2, 3, 4], adjustments));
        Assert.Equal([Banned, 2, Banned, 4], Apply([1, 2, 3, 4], adjustments, generated: [0, 1]));
        Assert.Equal([Banned, 2, Banned, Banned], Apply([1, 2, 3, 4], adjustments, generated: [1, 1]));
        Assert.Equal([Banned, 2, 3, 4], Apply([1, 2, 3, 4], adjustments, generated: [1, 0]));
        Assert.Equal([Banned, 2, 3, 4], Apply([1, 2, 3, 4], adjustments, prompt: [1])); // the text alone counts
        Assert.False(new LogitAdjustments { BannedWords = [[0], [3]] }.DependsOnText);
    }

    [Fact]
    public void Tokens_that_end_the_text_are_banned_until_there_are_enough()
    {
        var adjustments = new LogitAdjustments { MinTokens = 2, EndTokens = [0, 3] };
        Assert.False(adjustments.DependsOnText);
        Assert.Equal([Banned, 2, 3, Banned], Apply([1, 2, 3, 4], adjustments, position: 1));
        Assert.Equal([1, 2, 3, 4], Apply([1, 2, 3, 4], adjustments, position: 2));
    }

    [Fact]
    public void A_bias_is_added_and_lifts_no_ban()
    {
        var adjustments = new LogitAdjustments { AllowedTokens = [1, 2], Biases = [new TokenBias(0, 100), new TokenBias(2, -1.5f)] };
        Assert.Equal([Banned, 2, 1.5f, Banned], Apply([1, 2, 3, 4], adjustments));
    }

    [Fact]
    public void Repetition_counts_the_prompt_and_the_text_and_divides_what_is_positive_and_multiplies_what_is_not()
    {
        var adjustments = new LogitAdjustments { RepetitionPenalty = 2 };
        Assert.Equal([0.5f, -4, 3, 2, 0], Apply([1, -2, 3, 4, 0], adjustments, prompt: [0, 1, 4], generated: [3, 3, 1]));
    }

    [Fact]
    public void Presence_counts_a_token_of_the_text_once_and_frequency_each_time_and_the_prompt_not_at_all()
    {
        Assert.Equal([1, 1.5f, 3, 3.5f], Apply([1, 2, 3, 4], new LogitAdjustments { PresencePenalty = 0.5f }, prompt: [0, 0, 2], generated: [3, 1, 3]));
        Assert.Equal([1, 1.5f, 3, 3], Apply([1, 2, 3, 4], new LogitAdjustments { FrequencyPenalty = 0.5f }, prompt: [0, 0, 2], generated: [3, 1, 3]));
        Assert.Equal([1, 2.5f, 3, 5], Apply([1, 2, 3, 4], new LogitAdjustments { FrequencyPenalty = -0.5f }, generated: [3, 1, 3]));
    }

    [Fact]
    public void Biases_come_before_penalties_and_repetition_before_the_others()
    {
        var adjustments = new LogitAdjustments { Biases = [new TokenBias(0, 3), new TokenBias(1, -3)], RepetitionPenalty = 2, FrequencyPenalty = 0.25f, PresencePenalty = 1 };
        Assert.Equal([((1 + 3) / 2f) - 0.5f - 1, ((2 - 3) * 2f) - 0.25f - 1, 3], Apply([1, 2, 3], adjustments, generated: [0, 1, 0]));
    }

    [Fact]
    public void A_penalty_bans_nothing_and_makes_nothing_certain()
    {
        Assert.Equal([float.MaxValue, -3], Apply([3, -3], new LogitAdjustments { RepetitionPenalty = float.Epsilon }, prompt: [0]));
        Assert.Equal([3, float.MinValue], Apply([3, -3], new LogitAdjustments { RepetitionPenalty = float.MaxValue }, prompt: [1]));
        Assert.Equal([Banned, 2], Apply([3, 2], new LogitAdjustments { AllowedTokens = [1], RepetitionPenalty = 0.5f, PresencePenalty = -2 }, generated: [0]));
    }

    [Fact]
    public void Nothing_is_nothing()
    {
        Assert.True(LogitAdjustments.None.IsNone);
        Assert.Equal([1, 2], Apply([1, 2], LogitAdjustments.None, prompt: [0], generated: [1]));
        LogitAdjustments[] some =
        [
            new() { AllowedTokens = [1] }, new() { BannedWords = [[1]] }, new() { MinTokens = 1 }, new() { Biases = [new TokenBias(1, 1)] },
            new() { RepetitionPenalty = 2 }, new() { FrequencyPenalty = 1 }, new() { PresencePenalty = 1 },
        ];
        Assert.All(some, adjustments => Assert.False(adjustments.IsNone));
    }

    private static float[] Apply(float[] logits, LogitAdjustments adjustments, int? position = null, int[]? prompt = null, int[]? generated = null)
    {
        adjustments.Apply(logits, position ?? generated?.Length ?? 0, prompt ?? [], generated);
        return logits;
    }
}
