using ElasticEp.Samples.Tests.Model;

namespace ElasticEp.Samples.Tests.Server;

/// <summary>The golden tokens through the server, each expert held exactly once unless replicas are asked for.</summary>
public sealed class GoldenServerTests
{
    private const int Streams = 32;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(8)]
    public async Task Every_golden_case_gives_its_tokens_on_any_number_of_ranks(int ranks)
    {
        await using var server = await TestServer.StartAsync(ranks);
        AssertCopies(server.Group.View, redundant: 0);
        var results = await Task.WhenAll(GoldenFile.Cases.Select(golden => server.CompleteAsync(golden.PromptIds, golden.GreedyIds.Length)));
        Assert.All(GoldenFile.Cases.Zip(results), pair => Assert.Equal(pair.First.GreedyIds, pair.Second));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(8)]
    public async Task Grows_and_shrinks_2_4_2_under_32_streams(int redundant) =>
        await ResizeUnderLoadAsync(2, [new { new_data_parallel_size = 4 }, new { new_data_parallel_size = 2 }], isShrinking: [false, true], redundant);

    [Fact]
    public async Task Goes_2_3_1_2_under_32_streams() =>
        await ResizeUnderLoadAsync(2, [new { new_data_parallel_size = 3 }, new { new_data_parallel_size = 1 }, new { new_data_parallel_size = 2 }], isShrinking: [false, true, false]);

    /// <summary>The chains that SGLang has published for its elastic expert parallelism; in the last one every expert has replicas.</summary>
    [Theory]
    [InlineData(0, 4, 3, 4)]
    [InlineData(0, 5, 4, 5, 4)]
    [InlineData(0, 4, 3, 2)]
    [InlineData(0, 8, 4, 8, 4, 8)]
    [InlineData(0, 8, 4, 8, 6)]
    [InlineData(0, 4, 5, 3)]
    [InlineData(0, 4, 3, 4, 5)]
    [InlineData(128, 8, 7, 4, 7, 8)]
    public async Task Goes_the_chains_of_resizes_that_SGLang_has_published_under_32_streams(int redundant, params int[] sizes) => await ResizeUnderLoadAsync(
        sizes[0],
        [.. sizes[1..].Select(size => new { new_data_parallel_size = size })],
        [.. sizes.Zip(sizes[1..], (before, after) => after < before)],
        redundant);

    [Fact]
    public async Task Loses_a_middle_rank_under_32_streams() =>
        await ResizeUnderLoadAsync(4, [new { remove_ranks = new[] { 1 } }], isShrinking: [true]);

    /// <summary>20 pages of 16 positions on each rank; a stream takes 7, the longest 14.</summary>
    [Fact]
    public async Task Grows_and_shrinks_2_4_2_under_32_streams_that_take_each_other_s_pages() => await ResizeUnderLoadAsync(
        2,
        [new { new_data_parallel_size = 4 }, new { new_data_parallel_size = 2 }],
        isShrinking: [false, true],
        redundant: 0,
        "--kv-cache-memory-bytes", $"{20 * 32_768}", "--max-model-len", "224");

    private static async Task ResizeUnderLoadAsync(int ranks, object[] resizes, bool[] isShrinking, int redundant = 0, params string[] args)
    {
        await using var server = await TestServer.StartAsync(ranks, ["--redundant-experts", $"{redundant}", .. args]);
        AssertCopies(server.Group.View, redundant);
        using var stop = new CancellationTokenSource();
        var completed = 0;
        var streams = Enumerable.Range(0, Streams).Select(async stream =>
        {
            for (var i = stream; !stop.IsCancellationRequested; i++)
            {
                var golden = GoldenFile.Cases[i % GoldenFile.Cases.Count];
                Assert.Equal(golden.GreedyIds, await server.StreamAsync(golden.PromptIds, golden.GreedyIds.Length));
                Interlocked.Increment(ref completed);
            }
        }).ToArray();
        await WaitAsync(() => completed >= Streams, streams, "streams to complete"); // from then on streams are in every state
        Assert.True(args.Length == 0 || server.FrontEnd.HandBacks > 0, "no stream has lost its pages to another one");
        for (var i = 0; i < resizes.Length; i++)
        {
            await WaitAsync(() => server.FrontEnd.Outstanding >= Streams, streams, "all streams to run");
            var (before, released) = (server.FrontEnd.HandBacks, server.FrontEnd.Released);
            await WaitAsync(() => server.FrontEnd.Released >= released + (2 * Streams), streams, "streams to be in the middle");
            await server.ScaleAsync(resizes[i]);
            AssertCopies(server.Group.View, redundant);
            if (isShrinking[i])
                Assert.True(server.FrontEnd.HandBacks > before, "no stream was handed back in the middle");
            var after = completed;
            await WaitAsync(() => completed >= after + Streams, streams, "streams to complete after the resize");
        }

        await stop.CancelAsync();
        await Task.WhenAll(streams).WaitAsync(TestServer.Deadline);
    }

    private static async Task WaitAsync(Func<bool> isTrue, Task[] streams, string what)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (!isTrue())
        {
            if (streams.FirstOrDefault(stream => stream.IsFaulted) is { } failed)
                await failed;
            Assert.True(TimeProvider.System.GetElapsedTime(started) < TestServer.Deadline, $"Waited {TestServer.Deadline} for {what}.");
            await Task.Yield();
        }
    }

    /// <summary>Every expert is held, the redundant copies exist as far as there are ranks for them, and no rank holds an expert twice.</summary>
    private static void AssertCopies(GroupView view, int redundant)
    {
        var placement = view.Placement;
        for (var layer = 0; layer < placement.Layers; layer++)
        {
            var copies = Enumerable.Range(0, placement.Experts).Select(expert => placement.GetReplicas(layer, expert).ToArray()).ToArray();
            Assert.All(copies, replicas => Assert.NotEmpty(replicas));
            Assert.All(copies, replicas => Assert.Distinct(replicas.Select(replica => replica.Rank)));
            Assert.Equal(Math.Min(placement.Experts + redundant, placement.Experts * view.Members.Length), copies.Sum(replicas => replicas.Length));
        }
    }
}
