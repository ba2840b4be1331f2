using ElasticEp.Samples.Tests.Model;
using ElasticEp.Samples.Tests.Server;

namespace ElasticEp.Samples.Tests.Processes;

/// <summary>The golden tokens through worker processes, each expert held exactly once. One after another: two cores are few.</summary>
[Collection(nameof(ProcessCollection))]
public sealed class GoldenProcessTests
{
    private const int Streams = 32;
    private const int Experts = 32;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(8)]
    public async Task Every_golden_case_gives_its_tokens_on_any_number_of_processes(int ranks)
    {
        ProcFiles.Require();
        await using var server = await ProcessServer.StartAsync(ranks);
        Assert.Equal(ranks, server.Workers.Length);
        Assert.Equal(Experts, (await server.Client.ViewAsync()).ExpertsHeld);
        var results = await Task.WhenAll(GoldenFile.Cases.Select(golden => server.Client.CompleteAsync(golden.PromptIds, golden.GreedyIds.Length)));
        Assert.All(GoldenFile.Cases.Zip(results), pair => Assert.Equal(pair.First.GreedyIds, pair.Second));
        Assert.Equal(0, await server.StopAsync());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(8)]
    public async Task Grows_and_shrinks_2_4_2_under_32_streams(int redundant) =>
        await ResizeUnderLoadAsync(2, [new { new_data_parallel_size = 4 }, new { new_data_parallel_size = 2 }], [[0, 1, 2, 3], [0, 1]], redundant);

    [Fact]
    public async Task Loses_a_middle_process_under_32_streams() =>
        await ResizeUnderLoadAsync(4, [new { remove_ranks = new[] { 1 } }], [[0, 2, 3]]);

    private static async Task ResizeUnderLoadAsync(int ranks, object[] resizes, int[][] views, int redundant = 0)
    {
        ProcFiles.Require();
        await using var server = await ProcessServer.StartAsync(ranks, "--redundant-experts", $"{redundant}");
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
    }
}
