namespace ElasticEp.Tests.Cluster;

/// <summary>Ranks that are lost, each in another way: the others go on with right outputs, and the lost one stops.</summary>
public sealed class LossTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public async Task A_killed_rank_is_evicted(int victim)
    {
        await using var cluster = await StartAsync();
        cluster.Kill(victim);
        await GoesOnWithoutAsync(cluster, victim);
    }

    [Fact]
    public async Task Two_ranks_that_are_killed_at_once_are_evicted()
    {
        await using var cluster = await StartAsync();
        cluster.Kill(0);
        cluster.Kill(2);
        await GoesOnWithoutAsync(cluster, 0, 2);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task A_rank_of_which_nothing_is_heard_is_evicted_and_stops_when_it_is_back(int victim)
    {
        await using var cluster = await StartAsync();
        var paused = cluster[victim];
        cluster.Hub.Pause(victim);
        await GoesOnWithoutAsync(cluster, victim);
        cluster.Hub.Resume(victim);
        await paused.Loop.WaitAsync(ElasticCluster.Deadline, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Of_two_that_do_not_reach_each_other_the_higher_is_evicted()
    {
        await using var cluster = await StartAsync();
        cluster.Hub.Partition(1, 3);
        await GoesOnWithoutAsync(cluster, 3);
    }

    [Fact]
    public async Task A_rank_that_reaches_fewer_is_evicted_though_it_coordinates()
    {
        await using var cluster = await StartAsync();
        cluster.Hub.Partition(0, 1);
        cluster.Hub.Partition(0, 3);
        await GoesOnWithoutAsync(cluster, 0);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public async Task A_rank_whose_delegate_does_not_end_is_evicted(int victim)
    {
        await using var cluster = await StartAsync();
        using var gate = new ManualResetEventSlim();
        var stuck = cluster[victim];
        stuck.OnStep = _ => gate.Wait(CancellationToken.None); // takes no notice of its token
        try
        {
            await GoesOnWithoutAsync(cluster, victim);
        }
        finally
        {
            gate.Set();
        }

        await stuck.Loop.WaitAsync(ElasticCluster.Deadline, TestContext.Current.CancellationToken);
    }

    /// <summary>Four ranks, each of which has run a step: who has run none is no member yet, as far as it knows.</summary>
    private static async Task<ElasticCluster> StartAsync()
    {
        var cluster = await ElasticCluster.StartAsync(options =>
        {
            options.InitialRanks = 4;
            options.ToleratedLosses = 2;
            options.RedundantExperts = 2 * ToyModel.Experts;
            options.HeartbeatInterval = TimeSpan.FromMilliseconds(100);
            options.StepDeadline = TimeSpan.FromSeconds(2);
            options.RecoveryDeadline = TimeSpan.FromSeconds(1);
        });
        await cluster.WaitUntilAsync(() => Enumerable.Range(0, 4).All(rank => cluster[rank].Steps > 0), "a step of each rank");
        return cluster;
    }

    private static async Task GoesOnWithoutAsync(ElasticCluster cluster, params int[] lost)
    {
        var left = Enumerable.Range(0, 4).Except(lost).ToArray();
        var view = await cluster.WaitForViewAsync(view => lost.All(rank => view.Find(rank) is null));
        Assert.Equal(left, view.Members.Select(member => member.Rank));
        var targets = left.Select(rank => (Rank: cluster[rank], Target: cluster[rank].Steps + 10)).ToArray();
        await cluster.WaitUntilAsync(() => targets.All(target => target.Rank.Steps >= target.Target || target.Rank.Loop.IsCompleted), "ten steps of the others");
        Assert.All(targets, target => Assert.False(target.Rank.Loop.IsCompleted));
        Assert.Equal(left, cluster.Client.View.Members.Select(member => member.Rank));
    }
}
