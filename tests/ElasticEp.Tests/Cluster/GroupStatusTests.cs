using ElasticEp.Protocol;

namespace ElasticEp.Tests.Cluster;

/// <summary>What a client says of ranks that are lost, stand still or hang. Both are needed: nobody is evicted.</summary>
public sealed class GroupStatusTests
{
    [Fact]
    public async Task Every_rank_says_which_process_it_is()
    {
        await using var cluster = await StartAsync();
        var status = await WaitAsync(cluster, status => status is { Phase: "serving", Ranks.Count: 2 } && status.Ranks.All(rank => rank.ProcessId is not null));
        Assert.True(status.IsReady);
        Assert.All(status.Ranks, rank => Assert.Equal((RankCondition.Serving, Environment.ProcessId), (rank.Condition, rank.ProcessId)));
    }

    [Fact]
    public async Task A_killed_rank_is_lost_and_the_group_waits_for_it()
    {
        await using var cluster = await StartAsync();
        cluster.Kill(1);
        var status = await WaitAsync(cluster, status => status.Phase == "waiting");
        Assert.False(status.IsReady);
        Assert.Equal([RankCondition.Serving, RankCondition.Lost], status.Ranks.Select(rank => rank.Condition));
        Assert.Contains("rank 1 is lost", status.Detail, StringComparison.Ordinal);
        Assert.Contains("is below MinRanks = 2", status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_rank_that_stands_still_is_lost_though_its_connection_is_up_and_serves_again_when_it_goes_on()
    {
        await using var cluster = await StartAsync();
        cluster.Hub.Pause(1);
        var status = await WaitAsync(cluster, status => status.Phase == "waiting");
        Assert.Equal(RankCondition.Lost, status.Ranks[1].Condition);
        cluster.Hub.Resume(1);
        await WaitAsync(cluster, status => status.Phase == "serving");
        await cluster.WaitForStepsAsync(5);
    }

    [Fact]
    public async Task A_rank_whose_step_does_not_end_stalls_the_group_and_says_so_itself()
    {
        await using var cluster = await StartAsync();
        using var gate = new ManualResetEventSlim();
        cluster[1].OnStep = _ => gate.Wait(CancellationToken.None);
        try
        {
            var status = await WaitAsync(cluster, status => status.Phase == "stalled");
            Assert.False(status.IsReady);
            await cluster.WaitUntilAsync(() => cluster[1].Runtime.Status is { IsReady: false }, "the rank to say it");
            Assert.True(cluster[1].Runtime.Status.IsHealthy);
        }
        finally
        {
            gate.Set();
        }

        await WaitAsync(cluster, status => status.Phase == "serving");
    }

    [Fact]
    public async Task A_record_that_cannot_be_read_is_said_while_the_steps_go_on()
    {
        await using var cluster = await StartAsync();
        var present = await cluster.Store.GetAsync(GroupRecord.KeyOf("toy"), TestContext.Current.CancellationToken);
        var written = (await cluster.Store.CompareAndSetAsync(GroupRecord.KeyOf("toy"), present!.Version, new byte[] { 99, 0 }, TestContext.Current.CancellationToken)).Current!;
        var status = await WaitAsync(cluster, status => status.Phase == "degraded");
        Assert.True(status.IsReady);
        Assert.Contains("record cannot be read", status.Obstacle, StringComparison.Ordinal);
        await cluster.WaitForStepsAsync(5);
        await cluster.Store.CompareAndSetAsync(GroupRecord.KeyOf("toy"), written.Version, present.Value, TestContext.Current.CancellationToken);
        await WaitAsync(cluster, status => status.Phase == "serving");
    }

    private static Task<ElasticCluster> StartAsync() => ElasticCluster.StartAsync(options =>
    {
        options.StepDeadline = TimeSpan.FromSeconds(2);
        options.RecoveryDeadline = TimeSpan.FromSeconds(1);
        options.StallTime = TimeSpan.FromSeconds(1);
        options.MinRanks = 2;
    });

    private static async Task<GroupStatus> WaitAsync(ElasticCluster cluster, Func<GroupStatus, bool> fits)
    {
        var status = cluster.Client.GetStatus();
        await cluster.WaitUntilAsync(() => fits(status = cluster.Client.GetStatus()), "another status");
        return status;
    }
}
