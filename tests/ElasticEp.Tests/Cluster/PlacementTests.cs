using System.Collections.Concurrent;

namespace ElasticEp.Tests.Cluster;

/// <summary>Where experts are after a resize. Every rank checks every output against the reference all the while.</summary>
public sealed class PlacementTests
{
    private static readonly CancellationToken Token = TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_hottest_experts_get_the_replicas_with_a_resize()
    {
        int[] hot = [2, 5, 9];
        await using var cluster = await ElasticCluster.StartAsync(
            options => (options.RedundantExperts, options.LoadWindow) = (hot.Length, 10),
            cluster => cluster.OnLaunch = rank => rank.HotExperts = hot);
        Assert.Equal([0, 1, 2], Replicated(cluster.Client.View, 0)); // no load was known at birth
        await cluster.WaitForStepsAsync(40);
        foreach (var size in (int[])[4, 2])
        {
            var result = await cluster.Client.ScaleAsync(size, cancellationToken: Token);
            Assert.True(result.Outcome == ScalePhase.Completed, result.Reason);
            for (var layer = 0; layer < ToyModel.Layers; layer++)
                Assert.Equal(hot, Replicated(result.View, layer));
            await cluster.WaitForStepsAsync(10);
        }
    }

    [Fact]
    public async Task A_plan_needs_no_window_to_know_the_load()
    {
        int[] hot = [2, 5, 9];
        await using var cluster = await ElasticCluster.StartAsync(
            options => (options.RedundantExperts, options.LoadWindow) = (hot.Length, 1_000_000),
            cluster => cluster.OnLaunch = rank => rank.HotExperts = hot);
        await cluster.WaitForStepsAsync(40);
        var result = await cluster.Client.ScaleAsync(3, cancellationToken: Token);
        Assert.Equal(hot, Replicated(result.View, 0));
    }

    [Fact]
    public async Task Full_ranks_exchange_experts_through_views_on_the_way()
    {
        await using var cluster = await ElasticCluster.StartAsync(
            options => options.SlotsPerRank = ToyModel.Experts / 2,
            cluster => cluster.Policy = new TurningPolicy());
        await cluster.WaitForStepsAsync(5);
        var views = new ConcurrentDictionary<long, GroupView>(); // the first step of every view is run
        cluster[0].OnStep = step => views.TryAdd(step.View.Epoch, step.View);
        var result = await cluster.Client.ScaleAsync(3, cancellationToken: Token);
        Assert.True(result.Outcome == ScalePhase.Completed, result.Reason);
        Assert.True(result.View.Epoch > 2, $"{result.View} followed the first one at once");
        Assert.Equal(Enumerable.Range(1, (int)result.View.Epoch).Select(epoch => (long)epoch), views.Keys.Order());
        Assert.All(views.Values, view => Assert.Null(view.Placement.FindMissing()));
        Assert.Equal([2, 5, 8, 11], result.View.Placement.GetSlots(0, 0).ToArray().Where(expert => expert >= 0).Order());
        Assert.Equal(result.View.Digest, cluster[2].Runtime.View.Digest);
        await cluster.WaitForStepsAsync(10);
    }

    /// <summary>Experts with more than one copy; a second one on the same rank would be none.</summary>
    private static int[] Replicated(GroupView view, int layer) =>
    [
        .. Enumerable.Range(0, ToyModel.Experts).Where(expert =>
        {
            var replicas = view.Placement.GetReplicas(layer, expert).ToArray();
            Assert.NotEmpty(replicas);
            Assert.Distinct(replicas.Select(replica => replica.Rank));
            return replicas.Length > 1;
        }),
    ];
}
