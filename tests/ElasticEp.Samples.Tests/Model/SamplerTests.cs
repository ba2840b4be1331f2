using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Serving;

namespace ElasticEp.Samples.Tests.Model;

/// <summary>Draws, cuts and log probabilities.</summary>
public sealed class SamplerTests
{
    private static readonly float[] Logits = [1f, 3f, 2f, 3f, -5f];

    [Fact]
    public void Temperature_zero_takes_the_best_and_of_equals_the_lower_id() => Assert.Equal(1, Sampler.Sample(Logits, SamplingSettings.Greedy, 7));

    [Theory]
    [InlineData(0, 1f, 0f, new[] { 0, 1, 2, 3, 4 })]
    [InlineData(1, 1f, 0f, new[] { 1 })]
    [InlineData(2, 1f, 0f, new[] { 1, 3 })]
    [InlineData(3, 1f, 0f, new[] { 1, 2, 3 })]
    [InlineData(99, 1f, 0f, new[] { 0, 1, 2, 3, 4 })]
    [InlineData(0, 0.01f, 0f, new[] { 1 })]
    [InlineData(0, 0.79f, 0f, new[] { 1, 3 })]
    [InlineData(0, 0.9f, 0f, new[] { 1, 2, 3 })]
    [InlineData(0, 1f, 0.3f, new[] { 1, 2, 3 })]
    [InlineData(0, 1f, 1f, new[] { 1, 3 })]
    [InlineData(3, 0.8f, 0f, new[] { 1, 3 })]
    public void Cuts_leave_exactly_the_tokens_that_may_be_drawn(int topK, float topP, float minP, int[] expected)
    {
        // A high temperature for those that are rare; the cuts of top-p see what the temperature makes of the logits.
        var temperature = topP < 1 ? 1f : minP > 0 ? 1f : 20f;
        var drawn = Enumerable.Range(0, 4000).Select(position => Sampler.Sample(Logits, new SamplingSettings(temperature, 11, topK, topP, minP), position)).Distinct().Order();
        Assert.Equal(expected, drawn);
    }

    [Fact]
    public void A_draw_depends_on_seed_and_position_alone()
    {
        int[] Draw(ulong seed) => [.. Enumerable.Range(0, 50).Select(position => Sampler.Sample(Logits, new SamplingSettings(1, seed, 4, 0.95f), position))];
        Assert.Equal(Draw(1), Draw(1));
        Assert.NotEqual(Draw(1), Draw(2));
    }

    [Fact]
    public void Draws_have_the_frequencies_of_the_softmax()
    {
        var counts = new int[5];
        for (var position = 0; position < 100_000; position++)
            counts[Sampler.Sample(Logits, new SamplingSettings(1, 5), position)]++;
        for (var token = 0; token < 5; token++)
            Assert.Equal(Math.Exp(Sampler.LogProbability(Logits, token)), counts[token] / 100_000.0, 0.01);
    }

    [Fact]
    public void The_best_tokens_come_with_their_log_probabilities()
    {
        var best = Sampler.Best(Logits, 3);
        Assert.Equal([1, 3, 2], best.Select(entry => entry.Token));
        Assert.All(best, entry => Assert.Equal(Sampler.LogProbability(Logits, entry.Token), entry.LogProbability, 1e-6));
        Assert.Equal(5, Sampler.Best(Logits, 9).Length);
        Assert.Empty(Sampler.Best(Logits, 0));
    }

    [Fact]
    public void A_token_is_scored_with_its_rank_and_the_best_beside_it()
    {
        var scores = Sampler.Score(Logits, 2, 2);
        Assert.Equal([(2, 3), (1, 1), (3, 2)], scores.Select(entry => (entry.Token, entry.Rank)));
        Assert.All(scores, entry => Assert.Equal((float)Sampler.LogProbability(Logits, entry.Token), entry.LogProbability));
        Assert.Equal((3, 2), (Sampler.Score(Logits, 3, 0)[0].Token, Assert.Single(Sampler.Score(Logits, 3, 0)).Rank)); // of equals the lower id comes first
        Assert.Equal(6, Sampler.Score(Logits, 0, 9).Length);
    }

    [Fact]
    public void A_banned_token_is_never_drawn_and_nothing_is_when_all_are_banned()
    {
        float[] logits = [1, float.NegativeInfinity, 2, float.NegativeInfinity, -5];
        Assert.Equal([0, 2, 4], Enumerable.Range(0, 4000).Select(position => Sampler.Sample(logits, new SamplingSettings(5, 3, 4, 0.9999f), position)).Distinct().Order());
        Array.Fill(logits, float.NegativeInfinity);
        Assert.Equal(-1, Sampler.Sample(logits, new SamplingSettings(1, 3), 0));
        Assert.Equal(-1, Sampler.Sample(logits, SamplingSettings.Greedy, 0));
    }

    [Fact]
    public void Log_probabilities_are_those_of_the_logits_before_adjustments()
    {
        var sequence = new SequenceStart([0], [], SamplingSettings.Greedy, 1) { Adjustments = new LogitAdjustments { Biases = [new TokenBias(4, 100)] } };
        var sampled = Sampler.Sample(Logits, sequence, new StepChunk { Slot = 0, Start = 0, Count = 1, SamplesAt = 0 });
        Assert.Equal(4, sampled.Token);
        Assert.Equal([(4, 5), (1, 1)], sampled.LogProbabilities!.Select(entry => (entry.Token, entry.Rank)));
        Assert.Equal((float)Sampler.LogProbability(Logits, 4), sampled.LogProbabilities![0].LogProbability);
    }

    [Fact]
    public void Logits_that_are_no_numbers_are_told_and_nothing_is_drawn()
    {
        var sampled = Sampler.Sample([1, float.NaN], new SequenceStart([0], [], SamplingSettings.Greedy, 1), new StepChunk { Slot = 0, Start = 0, Count = 1, SamplesAt = 0 });
        Assert.Equal(new SampledToken(-1, null, IsFinite: false), sampled);
    }
}
