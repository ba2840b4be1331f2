using ElasticEp.Samples.Serving;
using ElasticEp.Samples.Serving.Messages;
using ElasticEp.Samples.Serving.Ranks;

namespace ElasticEp.Samples.Tests.Serving;

/// <summary>What a rank makes of given tokens that are scored, and of adjustments that leave nothing.</summary>
public sealed class PromptScoreTests
{
    private static readonly MemberId FrontEnd = new(-1, 1);
    private static readonly int[] Text = [.. Enumerable.Range(0, 40)];

    private readonly List<OutgoingMessage> _said = [];

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(16)]
    public void Scores_come_whole_with_the_first_token_however_the_prompt_is_cut(int promptTokensPerStep)
    {
        var tokens = Run(new ScriptedModel(Limits(1), [Text]), promptTokensPerStep, Request([], 3));
        Assert.Equal([7, 8, 9], tokens.Select(token => token.Token));
        Assert.Equal(Text[1..7].Select(token => new TokenProbability(token, -token, 1)), tokens[0].PromptScores!.Select(scores => Assert.Single(scores)));
        Assert.All(tokens[1..], token => Assert.Null(token.PromptScores));
    }

    [Fact]
    public void A_request_that_comes_after_its_first_token_has_its_scores_already()
    {
        var tokens = Run(new ScriptedModel(Limits(1), [Text]), 16, Request([7], 3));
        Assert.Equal([8, 9], tokens.Select(token => token.Token));
        Assert.All(tokens, token => Assert.Null(token.PromptScores));
    }

    [Fact]
    public void A_prompt_of_one_token_has_nothing_to_score()
    {
        var assignment = new Assignment(1, 1, Text[..1], [], Options(2));
        Assert.Empty(Run(new ScriptedModel(Limits(1), [Text]), 16, assignment)[0].PromptScores!);
    }

    [Fact]
    public void A_model_that_does_not_score_fails_the_request_that_asks_for_it()
    {
        Assert.Empty(Run(new PlainModel(new SampledToken(7)), 16, Request([], 3)));
        Assert.Contains("does not score given tokens", Failure(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_request_fails_when_no_token_may_come()
    {
        var assignment = new Assignment(1, 1, Text[..7], [], new GenerationOptions(3, SamplingSettings.Greedy, true));
        Assert.Empty(Run(new PlainModel(new SampledToken(-1)), 16, assignment));
        Assert.Contains("No token may come next", Failure(), StringComparison.Ordinal);
    }

    [Fact]
    public void Tokens_that_end_the_text_are_held_back_until_there_are_enough()
    {
        var start = new RunningRequest(new Assignment(1, 1, [1], [], Options(9, new LogitAdjustments { MinTokens = 4 }) with { StopTokens = [5] }), FrontEnd).Start([2, 3]);
        Assert.Equal([2, 3, 5], start.Adjustments.EndTokens);
        var model = new ScriptedModel(Limits(1) with { EndTokens = [8, 9] }, [Text]); // does not look at them: what it says ends nothing before
        var options = Options(9, new LogitAdjustments { MinTokens = 2 }) with { StopTokens = [7] };
        Assert.Equal([7, 8, 9], Run(model, 16, new Assignment(1, 1, Text[..7], [], options with { IgnoreEos = false })).Select(token => token.Token));
    }

    [Fact]
    public void What_depends_on_the_text_is_not_planned_before_the_token_before_is_known()
    {
        var scheduler = new Scheduler(Limits(2), 16);
        scheduler.Add(new RunningRequest(new Assignment(1, 1, Text[..7], [], Options(9, new LogitAdjustments { FrequencyPenalty = 1 })), FrontEnd));
        scheduler.Admit();
        var plan = scheduler.Plan(16, only: null);
        Assert.Null(scheduler.PlanAhead(16));
        scheduler.Complete(plan.Requests[0], plan.Batch.Chunks[0]);
        plan.Requests[0].Add(7);
        Assert.Equal([7], scheduler.Plan(16, only: null).Batch.Chunks[0].Generated.ToArray());

        scheduler.Add(new RunningRequest(new Assignment(2, 1, Text[..7], [], Options(9, new LogitAdjustments { Biases = [new TokenBias(1, 1)] })), FrontEnd));
        scheduler.Admit();
        scheduler.Plan(16, only: null);
        Assert.Equal(2, Assert.Single(scheduler.PlanAhead(16)!.Requests).Assignment.Request); // a bias is the same whatever the text is
    }

    private static ModelLimits Limits(int stepsInFlight) => new() { Pages = 20, PageSize = 4, Rows = 16, Sequences = 4, Positions = 40, StepsInFlight = stepsInFlight };

    private static GenerationOptions Options(int tokens, LogitAdjustments? adjustments = null) =>
        new(tokens, SamplingSettings.Greedy, true) { PromptLogProbabilities = 0, Adjustments = adjustments ?? LogitAdjustments.None };

    private static Assignment Request(int[] generated, int tokens) => new(1, 1, Text[..7], generated, Options(tokens));

    /// <summary>Runs the request to its end; its tokens.</summary>
    private ReleasedToken[] Run(IServedModel model, int promptTokensPerStep, Assignment assignment)
    {
        var core = new RankServingCore(model.Limits, promptTokensPerStep);
        var steps = new ModelSteps(model, core);
        core.OnContact(FrontEnd);
        core.OnAssigned(FrontEnd, assignment);
        for (var step = 0; core.Oldest is not null; step++)
        {
            Assert.InRange(step, 0, 50);
            steps.Begin(model.Limits.Rows);
            Assert.True(steps.RunAsync(new FakeStep(step, model.Limits.Rows), CancellationToken.None).IsCompletedSuccessfully);
            core.OnCompleted(steps.Output.Tokens, steps.Misses);
            steps.End();
            _said.AddRange(core.Outgoing);
            core.Outgoing.Clear();
        }

        return [.. _said.Where(message => message.Topic == ServingTopic.Tokens).SelectMany(message => TokenMessage.Decode(message.Payload).Tokens)];
    }

    private string Failure() => RequestNotice.Decode(Assert.Single(_said, message => message.Topic == ServingTopic.Failed).Payload).Detail;

    /// <summary>Says one thing, and scores nothing.</summary>
    private sealed class PlainModel(SampledToken says) : IServedModel
    {
        public ModelLimits Limits => PromptScoreTests.Limits(1);

        public void Open(int slot, SequenceStart start)
        {
        }

        public void Close(int slot)
        {
        }

        public PreparedStep Prepare(StepBatch batch) => new(batch);

        public ValueTask RunAsync(PreparedStep prepared, ElasticStep step, CancellationToken cancellationToken) => default;

        public ValueTask ReadAsync(PreparedStep prepared, StepOutput output, CancellationToken cancellationToken)
        {
            foreach (var _ in prepared.Batch.Chunks)
                output.Add(says);
            return default;
        }
    }
}
