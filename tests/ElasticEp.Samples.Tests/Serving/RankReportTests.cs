using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Server;
using ElasticEp.Samples.Server.Serving;
using Microsoft.Extensions.Logging.Abstractions;

namespace ElasticEp.Samples.Tests.Serving;

/// <summary>When a rank tells the front ends how things are.</summary>
public sealed class RankReportTests : IAsyncLifetime
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private readonly WatchedTime _time = new();
    private readonly FakeRank _rank = new();
    private readonly RankServing _serving;

    public RankReportTests()
    {
        var checkpoint = Checkpoint.Open(EmbeddedModel.Directory);
        var workload = new Qwen3Workload(ModelSource.Of(checkpoint), new ElasticEpOptions { MaxTokensPerRank = 1 });
        _serving = new RankServing(_rank, workload, NullLogger<RankServing>.Instance, _time);
    }

    public async ValueTask InitializeAsync() => await _serving.StartAsync(CancellationToken.None);

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

    private void SayThatThereIsNoReport() => _rank.Deliver(-1, ServingTopic.Check, RequestList.Encode([]));

    private async Task<RankReport> ReportAsync() => RankReport.Decode(await _rank.ReceiveAsync(ServingTopic.Report))!;
}
