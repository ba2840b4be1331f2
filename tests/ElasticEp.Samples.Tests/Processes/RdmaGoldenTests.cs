using ElasticEp.Samples.Tests.Model;

namespace ElasticEp.Samples.Tests.Processes;

/// <summary>The golden tokens through worker processes whose data goes over UCX.</summary>
[Collection(nameof(ProcessCollection))]
public sealed class RdmaGoldenTests
{
    private const int Streams = 32;

    [Theory]
    [InlineData(UcxLinks.SharedMemory)]
    [InlineData(UcxLinks.Tcp)]
    public async Task Every_golden_case_gives_its_tokens(string transports)
    {
        await using var server = await ProcessServer.StartAsync(4, UcxLinks.Options(transports));
        var results = await Task.WhenAll(GoldenFile.Cases.Select(golden => server.Client.CompleteAsync(golden.PromptIds, golden.GreedyIds.Length)));
        Assert.All(GoldenFile.Cases.Zip(results), pair => Assert.Equal(pair.First.GreedyIds, pair.Second));
        Assert.Equal(1 + 4, server.Log.Split('\n').Count(line => line.Contains(" uses UCX ", StringComparison.Ordinal))); // gateway and workers
        Assert.Equal(0, await server.StopAsync());
        Assert.DoesNotContain("UCX  WARN", server.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("UCX  ERROR", server.Log, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(UcxLinks.SharedMemory)]
    [InlineData(UcxLinks.Tcp)]
    public async Task Grows_and_shrinks_2_4_2_under_32_streams(string transports)
    {
        await using var server = await ProcessServer.StartAsync(2, UcxLinks.Options(transports));
        await using var load = new StreamLoad(server.Client, Streams);
        await load.WaitForCompletedAsync(Streams);
        foreach (var ranks in (int[])[4, 2])
        {
            await load.WaitUntilAllRunAsync();
            await server.Client.ScaleAsync(new { new_data_parallel_size = ranks });
            Assert.Equal(Enumerable.Range(0, ranks), (await server.Client.ViewAsync()).Ranks);
            await load.WaitForCompletedAsync(Streams);
        }

        await load.StopAsync();
    }
}
