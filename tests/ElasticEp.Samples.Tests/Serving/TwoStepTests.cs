using ElasticEp.Samples.Serving;
using ElasticEp.Samples.Serving.Messages;
using ElasticEp.Samples.Serving.Ranks;
using Microsoft.Extensions.Logging.Abstractions;

namespace ElasticEp.Samples.Tests.Serving;

/// <summary>The driver with a model that prepares a step while another one runs.</summary>
public sealed class TwoStepTests
{
    private const int Prompt = 5;
    private const int Tokens = 20;

    private static readonly int[][] Texts = [.. Enumerable.Range(0, 3).Select(text => (int[])[text, .. Enumerable.Range(0, 60).Select(i => (text * 100) + i)])];
    private static readonly ModelLimits Limits = new() { Pages = 64, PageSize = 4, Rows = 16, Sequences = 4, Positions = 60, EndTokens = [114] };

    private readonly FakeRank _rank = new() { MaxTokens = Limits.Rows };
    private readonly TwoStepModel _model = new(Limits, Texts);

    [Fact]
    public async Task Tokens_come_in_order_though_the_next_step_is_planned_before_they_are_known()
    {
        using var serving = await StartAsync();
        Assign(request: 1, text: 0, ignoresEnd: true);
        Assert.Equal(Texts[0][Prompt..(Prompt + Tokens)], await TokensAsync(1));
        Assert.Equal(Tokens - 1, _model.PreparedAhead); // all but the first, which the prompt gives
        await serving.StopAsync(CancellationToken.None);
    }

    [Fact]
    public async Task What_was_computed_ahead_for_a_text_that_has_ended_is_discarded()
    {
        using var serving = await StartAsync();
        Assign(request: 1, text: 1, ignoresEnd: false); // ends with 114, its 11th token
        Assert.Equal(Texts[1][Prompt..16], await TokensAsync(1));
        Assign(request: 2, text: 2, ignoresEnd: true);
        Assert.Equal(Texts[2][Prompt..(Prompt + Tokens)], await TokensAsync(2));
        await _rank.CompleteStepAsync();
        await _rank.CompleteStepAsync();
        Assert.Equal(0, _model.Open);
        await serving.StopAsync(CancellationToken.None);
    }

    [Fact]
    public void A_rank_that_could_not_serve_is_refused_when_it_starts()
    {
        Assert.Contains("60 tokens, which take 15 pages of cache; a rank has 14", Refused(Limits with { Pages = 14 }, new ServingOptions()), StringComparison.Ordinal);
        Assert.Contains("MaxPromptTokensPerStep is 0", Refused(Limits, new ServingOptions { MaxPromptTokensPerStep = 0 }), StringComparison.Ordinal);
    }

    private string Refused(ModelLimits limits, ServingOptions options) =>
        Assert.Throws<ArgumentException>(() => new RankServing(_rank, new ScriptedModel(limits, Texts), options, NullLogger<RankServing>.Instance, TimeProvider.System)).Message;

    private async Task<RankServing> StartAsync()
    {
        var serving = new RankServing(_rank, _model, new ServingOptions(), NullLogger<RankServing>.Instance, TimeProvider.System);
        await serving.StartAsync(CancellationToken.None);
        return serving;
    }

    private void Assign(long request, int text, bool ignoresEnd) => _rank.Deliver(
        -1, ServingTopic.Assign, new Assignment(request, 1, Texts[text][..Prompt], [], new GenerationOptions(Tokens, SamplingSettings.Greedy, ignoresEnd)).Encode().ToArray());

    private async Task<int[]> TokensAsync(long request)
    {
        var tokens = new List<int>();
        while (true)
        {
            var (_, payload) = await _rank.RunUntilAsync(ServingTopic.Tokens);
            foreach (var token in TokenMessage.Decode(payload).Tokens)
            {
                Assert.Equal((request, tokens.Count), (token.Request, token.Position));
                tokens.Add(token.Token);
                if (token.Finish != FinishReason.None)
                    return [.. tokens];
            }
        }
    }
}
