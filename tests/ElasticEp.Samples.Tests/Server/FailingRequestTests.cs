using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Serving;
using ElasticEp.Samples.Tests.Model;

namespace ElasticEp.Samples.Tests.Server;

/// <summary>A request at which the model throws costs itself, and not those that ran in one batch with it.</summary>
public sealed class FailingRequestTests
{
    private const int Streams = 12;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Only_the_requests_that_make_batches_fail_fail(int ranks)
    {
        await using var server = await TestServer.StartAsync(ranks);
        var cases = GoldenFile.Cases.Take(Streams).ToArray();
        var streams = cases.Select(golden => server.StreamAsync(golden.PromptIds, golden.GreedyIds.Length)).ToArray();
        int[] unknown = [1_000_000]; // a token that is in no vocabulary; HTTP lets none through
        var failing = Enumerable.Range(0, 3).Select(_ => server.FrontEnd.Submit(unknown, new GenerationOptions(4, SamplingSettings.Greedy, true))).ToArray();
        foreach (var request in failing)
        {
            var failure = await Assert.ThrowsAsync<ElasticEpException>(async () =>
            {
                await foreach (var _ in request.Tokens.ReadAllAsync(TestContext.Current.CancellationToken))
                    Assert.Fail("It has got a token.");
            });
            Assert.Equal(ElasticEpErrorCode.StepFailed, failure.Code);
        }

        for (var stream = 0; stream < Streams; stream++)
            Assert.Equal(cases[stream].GreedyIds, await streams[stream].WaitAsync(TestServer.Deadline, TestContext.Current.CancellationToken));
        Assert.Equal(0, server.FrontEnd.Outstanding);
    }
}
