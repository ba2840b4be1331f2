using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Server;
using ElasticEp.Samples.Serving;
using ElasticEp.Samples.Serving.Messages;
using ElasticEp.Samples.Serving.Ranks;
using Microsoft.Extensions.Logging.Abstractions;

namespace ElasticEp.Samples.Tests.Serving;

/// <summary>What a rank tells the front ends beside tokens, and when.</summary>
public sealed class RankServingTests : IAsyncLifetime
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private readonly WatchedTime _time = new();
    private readonly FakeRank _rank = new();
    private readonly Qwen3Workload _workload;
    private readonly RankServing _serving;

    public RankServingTests()
    {
        var checkpoint = Checkpoint.Open(EmbeddedModel.Directory);
        _workload = new Qwen3Workload(ModelSource.Of(checkpoint), Qwen3Limits.Of(checkpoint.Config, rows: 1));
        _serving = new RankServing(_rank, _workload.Model, new ServingOptions(), NullLogger<RankServing>.Instance, _time);
    }

    public async ValueTask InitializeAsync()
    {
        await _workload.LoadDenseAsync(CancellationToken.None);
        _workload.Network.Prepare();
        await _serving.StartAsync(CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        await _serving.StopAsync(CancellationToken.None);
        _serving.Dispose();
    }

    [Fact]
    public async Task A_front_end_that_has_no_report_gets_one_as_often_as_it_says_so()
    {
        for (var times = 0; times < 2; times++)
        {
            SayThatThereIsNoReport();
            await _time.FireAsync(Period);
            Assert.Equal(0, (await ReportAsync()).Steps);
        }
    }

    [Fact]
    public async Task The_steps_of_a_period_are_told_with_one_report_and_then_nothing_is_said_until_the_next_step()
    {
        SayThatThereIsNoReport();
        await _time.FireAsync(Period);
        await ReportAsync();
        for (var steps = 3; steps <= 6; steps += 3)
        {
            for (var i = 0; i < 3; i++)
                await _rank.CompleteStepAsync();
            await _time.FireAsync(Period);
            Assert.Equal(steps, (await ReportAsync()).Steps);
            Assert.Equal(1 + (steps / 3), _time.Timers);
        }
    }

    [Fact]
    public async Task A_request_that_needs_experts_which_are_being_loaded_again_fails_and_gets_no_token()
    {
        _rank.LacksExperts = true;
        _rank.Deliver(-1, ServingTopic.Assign, new Assignment(1, 3, [1], [], new GenerationOptions(2, SamplingSettings.Greedy, true)).Encode().ToArray());
        var (topic, payload) = await RunUntilAsync(ServingTopic.ExpertsLost, ServingTopic.Failed, ServingTopic.Tokens);
        Assert.Equal(ServingTopic.ExpertsLost, topic);
        var notice = RequestNotice.Decode(payload);
        Assert.Equal((1, 3), (notice.Request, notice.Owner));
        _rank.LacksExperts = false;
        _rank.Deliver(-1, ServingTopic.Assign, new Assignment(2, 1, [1], [], new GenerationOptions(1, SamplingSettings.Greedy, true)).Encode().ToArray());
        (topic, payload) = await RunUntilAsync(ServingTopic.ExpertsLost, ServingTopic.Failed, ServingTopic.Tokens);
        Assert.Equal((ServingTopic.Tokens, 2), (topic, Assert.Single(TokenMessage.Decode(payload).Tokens).Request));
    }

    [Fact]
    public async Task A_front_end_that_asks_whether_the_rank_leaves_is_told_again()
    {
        _rank.Deliver(-1, ServingTopic.LeavingCheck, []);
        Assert.Equal(0, BitConverter.ToInt32((await RunUntilAsync(ServingTopic.Leaving)).Payload.Span)); // it says so to whom it hears first
        _rank.Deliver(-1, ServingTopic.LeavingCheck, []);
        Assert.Equal(0, BitConverter.ToInt32((await RunUntilAsync(ServingTopic.Leaving)).Payload.Span));
    }

    [Fact]
    public async Task The_first_step_with_a_request_is_told_before_it_is_complete_and_no_other()
    {
        for (var request = 1; request <= 2; request++)
        {
            _rank.Deliver(-1, ServingTopic.Assign, new Assignment(request, 3, [1], [], new GenerationOptions(2, SamplingSettings.Greedy, true)).Encode().ToArray());
            var (topic, payload) = await RunUntilAsync(ServingTopic.Begun, ServingTopic.Tokens);
            Assert.Equal(ServingTopic.Begun, topic);
            Assert.Equal([(request, 3)], RequestList.Decode(payload));
            for (var position = 0; position < 2; position++)
            {
                (topic, payload) = await RunUntilAsync(ServingTopic.Begun, ServingTopic.Tokens);
                Assert.Equal(ServingTopic.Tokens, topic);
                Assert.Equal(position, Assert.Single(TokenMessage.Decode(payload).Tokens).Position);
            }
        }
    }

    /// <summary>The next message about one of these topics; statements without a token are passed over.</summary>
    private async Task<(int Topic, ReadOnlyMemory<byte> Payload)> RunUntilAsync(params int[] topics)
    {
        while (true)
        {
            var (topic, payload) = await _rank.RunUntilAsync(topics);
            if (topic != ServingTopic.Tokens || TokenMessage.Decode(payload).Tokens.Any())
                return (topic, payload);
        }
    }

    private void SayThatThereIsNoReport() => _rank.Deliver(-1, ServingTopic.Check, RequestList.Encode([]));

    private async Task<RankReport> ReportAsync() => RankReport.Decode(await _rank.ReceiveAsync(ServingTopic.Report))!;
}
