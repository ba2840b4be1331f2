using ElasticEp.Samples.Serving;
using ElasticEp.Samples.Serving.Messages;

namespace ElasticEp.Samples.Tests.Serving;

/// <summary>Messages between front ends and ranks come out as they went in, and those that are cut off are refused.</summary>
public sealed class MessageTests
{
    private static readonly GenerationOptions Options = new(7, new SamplingSettings(0.5f, 11, 3, 0.9f, 0.1f), true)
    {
        LogProbabilities = 2,
        PromptLogProbabilities = 1,
        StopTokens = [8, 9],
        Adjustments = new LogitAdjustments
        {
            AllowedTokens = [1, 2, 3],
            BannedWords = [[4], [5, 6]],
            MinTokens = 3,
            Biases = [new TokenBias(1, -2.5f), new TokenBias(2, 100)],
            RepetitionPenalty = 1.5f,
            FrequencyPenalty = -0.5f,
            PresencePenalty = 0.25f,
        },
    };

    [Fact]
    public void An_assignment_comes_out_as_it_went_in()
    {
        var assignment = Assignment.Decode(new Assignment(5, 6, [1, 2], [3], Options) { Number = 12 }.Encode());
        Assert.Equal((5, 6, 12), (assignment.Request, assignment.Owner, assignment.Number));
        Assert.Equal([1, 2], assignment.Prompt);
        Assert.Equal([3], assignment.Generated);
        Assert.Equivalent(Options, assignment.Options, strict: true);
        var plain = new Assignment(5, 6, [1], [], new GenerationOptions(7, SamplingSettings.Greedy, false));
        Assert.Same(LogitAdjustments.None, Assignment.Decode(plain.Encode()).Options.Adjustments);
    }

    [Fact]
    public void An_assignment_that_is_cut_off_is_refused()
    {
        var payload = new Assignment(5, 6, [1, 2], [3], Options).Encode();
        for (var length = 0; length < payload.Length; length++)
            Assert.Throws<FormatException>(() => Assignment.Decode(payload[..length]));
    }

    [Fact]
    public void Tokens_come_out_as_they_went_in_with_the_scores_of_a_prompt()
    {
        ReleasedToken[] tokens =
        [
            new(1, 2, 0, 77, FinishReason.None, [new(77, -1, 1), new(5, -2, 2)]) { PromptScores = [[new(4, -3, 9), new(5, -0.5f, 1)], [new(6, -4, 2), new(7, -0.25f, 1)]] },
            new(2, 1, 0, 3, FinishReason.Length) { PromptScores = [] }, // a prompt of one token
            new(3, 1, 9, 8, FinishReason.Stop),
        ];
        var payload = TokenMessage.Encode(new RankStatement(1, 2, 3, 4, 5), tokens);
        var (statement, decoded) = TokenMessage.Decode(payload);
        Assert.Equal(new RankStatement(1, 2, 3, 4, 5), statement);
        Assert.Equivalent(tokens, decoded.ToArray(), strict: true);
    }

    [Fact]
    public void Tokens_that_are_cut_off_are_refused()
    {
        ReleasedToken[] tokens = [new(1, 2, 0, 77, FinishReason.None, [new(77, -1, 1)]) { PromptScores = [[new(4, -3, 9)], [new(6, -4, 2)]] }];
        var payload = TokenMessage.Encode(new RankStatement(1, 2, 3, 4, 5), tokens);
        for (var length = RankStatement.Size + 1; length < payload.Length; length++)
            Assert.Throws<FormatException>(() => TokenMessage.Decode(payload.AsMemory(0, length)).Tokens.ToArray());
    }
}
