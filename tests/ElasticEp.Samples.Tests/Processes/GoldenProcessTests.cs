using ElasticEp.Samples.Tests.Model;

namespace ElasticEp.Samples.Tests.Processes;

/// <summary>The golden tokens through worker processes, each expert held exactly once. One after another: two cores are few.</summary>
[Collection(nameof(ProcessCollection))]
public sealed class GoldenProcessTests
{
    private const int Streams = 32;
    private const int Experts = 32;

    [Theory]
    [InlineData(1, true)]
    [InlineData(2, true)]
    [InlineData(3, true)]
    [InlineData(4, true)]
    [InlineData(8, true)]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(3, false)]
    [InlineData(4, false)]
    [InlineData(8, false)]
    public async Task Every_golden_case_gives_its_tokens_on_any_number_of_processes(int ranks, bool useUnixSockets)
    {
        await using var server = await StartAsync(ranks, useUnixSockets);
        Assert.Equal(ranks, server.Workers.Length);
        Assert.Equal(Experts, (await server.Client.ViewAsync()).ExpertsHeld);
        var results = await Task.WhenAll(GoldenFile.Cases.Select(golden => server.Client.CompleteAsync(golden.PromptIds, golden.GreedyIds.Length)));
        Assert.All(GoldenFile.Cases.Zip(results), pair => Assert.Equal(pair.First.GreedyIds, pair.Second));
        AssertLinks(server, useUnixSockets);
        Assert.Equal(0, await server.StopAsync());
    }

    [Theory]
    [InlineData(true, 0)]
    [InlineData(true, 8)]
    [InlineData(false, 0)]
    public async Task Grows_and_shrinks_2_4_2_under_32_streams(bool useUnixSockets, int redundant) =>
        await ResizeUnderLoadAsync(2, useUnixSockets, [new { new_data_parallel_size = 4 }, new { new_data_parallel_size = 2 }], [[0, 1, 2, 3], [0, 1]], redundant);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Loses_a_middle_process_under_32_streams(bool useUnixSockets) =>
        await ResizeUnderLoadAsync(4, useUnixSockets, [new { remove_ranks = new[] { 1 } }], [[0, 2, 3]]);

    private static Task<ProcessServer> StartAsync(int ranks, bool useUnixSockets, int redundant = 0)
    {
        ProcFiles.Require();
        return ProcessServer.StartAsync(ranks, "--ElasticEp:UseUnixSockets", $"{useUnixSockets}", "--redundant-experts", $"{redundant}");
    }

    private static void AssertLinks(ProcessServer server, bool useUnixSockets)
    {
        var addresses = server.Log.Split('\n').Where(line => line.Contains(" listens at ", StringComparison.Ordinal) && line.Contains("(incarnation ", StringComparison.Ordinal)).ToArray();
        Assert.NotEmpty(addresses);
        Assert.All(addresses, line => Assert.Equal(useUnixSockets, line.Contains(";unix=", StringComparison.Ordinal)));
    }

    private static async Task ResizeUnderLoadAsync(int ranks, bool useUnixSockets, object[] resizes, int[][] views, int redundant = 0)
    {
        await using var server = await StartAsync(ranks, useUnixSockets, redundant);
        await using var load = new StreamLoad(server.Client, Streams);
        await load.WaitForCompletedAsync(Streams); // from then on streams are in every state
        for (var i = 0; i < resizes.Length; i++)
        {
            var before = await load.WaitUntilAllRunAsync();
            await server.Client.ScaleAsync(resizes[i]);
            var after = await server.Client.ViewAsync();
            Assert.Equal(views[i], after.Ranks);
            Assert.Equal(Experts + redundant, after.ExpertsHeld);
            if (after.Ranks.Length < before.Ranks.Length)
                Assert.True(after.HandBacks > before.HandBacks, "no stream was handed back in the middle");
            await load.WaitForCompletedAsync(Streams);
        }

        await load.StopAsync();
        AssertLinks(server, useUnixSockets);
    }
}
