using System.Collections.Concurrent;

namespace ElasticEp.Tests.Cluster;

/// <summary>Where experts are after a resize. Every rank checks every output against the reference all the while.</summary>
public sealed class PlacementTests
{
    private static readonly CancellationToken Token = TestContext.Current.CancellationToken;

    /// <summary>One expert has more than half of the load. On four ranks only a third copy makes its share as small as that of a rank.</summary>
    [Theory]
    [InlineData(10)]
    [InlineData(1_000_000)] // no window ends: a plan asks for what is not told yet
    public async Task The_hottest_expert_gets_the_replicas_with_a_resize(int window)
    {
        const int Hot = 5;
        await using var cluster = await ElasticCluster.StartAsync(
            options => (options.RedundantExperts, options.LoadWindow) = (2, window),
            cluster => cluster.OnLaunch = rank => rank.HotExperts = [Hot]);
        Assert.Equal(1, Copies(cluster.Client.View, 0)[Hot]); // no load was known at birth
        await cluster.WaitForStepsAsync(40);
        foreach (var (size, copies) in ((int, int)[])[(4, 3), (2, 2)])
        {
            var result = await cluster.Client.ScaleAsync(size, cancellationToken: Token);
            Assert.True(result.Outcome == ScalePhase.Completed, result.Reason);
            for (var layer = 0; layer < ToyModel.Layers; layer++)
            {
                Assert.Equal(copies, Copies(result.View, layer)[Hot]);
                Assert.Equal(ToyModel.Experts + 2, Copies(result.View, layer).Sum());
            }

            await cluster.WaitForStepsAsync(10);
        }
    }

    [Fact]
    public async Task Full_ranks_exchange_experts_through_views_on_the_way()
    {
        var views = new ConcurrentDictionary<long, GroupView>(); // the first step of every view is run
        await using var cluster = await ElasticCluster.StartAsync(
            options => options.SlotsPerRank = ToyModel.Experts / 2,
            cluster =>
            {
                cluster.Policy = new TurningPolicy();
                cluster.OnLaunch = rank => rank.OnStep = step => views.TryAdd(step.View.Epoch, step.View);
            });
        await cluster.WaitForStepsAsync(5);
        var result = await cluster.Client.ScaleAsync(3, cancellationToken: Token);
        Assert.True(result.Outcome == ScalePhase.Completed, result.Reason);
        Assert.True(result.View.Epoch > 2, $"{result.View} followed the first one at once");
        Assert.Equal(Enumerable.Range(1, (int)result.View.Epoch).Select(epoch => (long)epoch), views.Keys.Order());
        Assert.All(views.Values, view => Assert.Null(view.Placement.FindMissing()));
        Assert.Equal([2, 5, 8, 11], result.View.Placement.GetSlots(0, 0).ToArray().Where(expert => expert >= 0).Order());
        Assert.Equal(result.View.Digest, cluster[2].Runtime.View.Digest);
        await cluster.WaitForStepsAsync(10);
    }

    [Fact]
    public async Task Copies_are_on_both_nodes_from_birth_through_every_resize()
    {
        await using var cluster = await ElasticCluster.StartAsync(
            options => (options.InitialRanks, options.ToleratedLosses) = (4, 1),
            cluster => cluster.NodeOf = rank => rank % 2 == 0 ? "left" : "right");
        AssertOnBothNodes(cluster.Client.View);
        await cluster.WaitForStepsAsync(5);
        foreach (var request in (ScaleRequest[])[new() { Size = 6 }, new() { Ranks = [0, 3] }, new() { Ranks = [0, 1, 2, 5] }])
        {
            var result = await cluster.Client.ScaleAsync(request, cancellationToken: Token);
            Assert.True(result.Outcome == ScalePhase.Completed, result.Reason);
            AssertOnBothNodes(result.View);
            await cluster.WaitForStepsAsync(5);
        }
    }

    /// <summary>Every rank checks that no rows come to a passive copy.</summary>
    [Fact]
    public async Task Copies_that_are_passive_take_over_when_the_active_ones_are_lost()
    {
        await using var cluster = await ElasticCluster.StartAsync(
            options => (options.InitialRanks, options.ToleratedLosses, options.RedundantExperts) = (3, 1, ToyModel.Experts),
            cluster => cluster.Policy = new PassivePolicy(cluster.Policy));
        await cluster.WaitForStepsAsync(10);
        AssertOneIsActive(cluster.Client.View);
        Assert.Contains(Enumerable.Range(0, ToyModel.Experts), expert => cluster.Client.View.Placement.GetActiveReplicas(0, expert)[0].Rank == 0);
        cluster.Kill(0);
        var view = await cluster.WaitForViewAsync(view => !view.Contains(0));
        AssertOneIsActive(view);
        var target = cluster[1].Steps + 10;
        await cluster.WaitUntilAsync(() => cluster[1].Steps >= target || cluster[1].Loop.IsCompleted, "ten steps of the others");
        Assert.False(cluster[1].Loop.IsCompleted || cluster[2].Loop.IsCompleted);
    }

    private static void AssertOneIsActive(GroupView view)
    {
        for (var layer = 0; layer < ToyModel.Layers; layer++)
        {
            for (var expert = 0; expert < ToyModel.Experts; expert++)
                Assert.Single(view.Placement.GetActiveReplicas(layer, expert).ToArray());
        }
    }

    private static void AssertOnBothNodes(GroupView view)
    {
        for (var layer = 0; layer < ToyModel.Layers; layer++)
        {
            for (var expert = 0; expert < ToyModel.Experts; expert++)
                Assert.Equal(["left", "right"], view.Placement.GetReplicas(layer, expert).ToArray().Select(replica => view.Find(replica.Rank)!.Node).Distinct().Order());
        }
    }

    /// <summary>Copies of each expert; a second one on the same rank would be none.</summary>
    private static int[] Copies(GroupView view, int layer) =>
    [
        .. Enumerable.Range(0, ToyModel.Experts).Select(expert =>
        {
            var replicas = view.Placement.GetReplicas(layer, expert).ToArray();
            Assert.NotEmpty(replicas);
            Assert.Distinct(replicas.Select(replica => replica.Rank));
            return replicas.Length;
        }),
    ];
}
