using ElasticEp.TestKit;
namespace ElasticEp.Tests.Cluster;

/// <summary>Steps that are run again: delegates that throw, links that drop.</summary>
public sealed class RecoveryTests
{
    private static readonly CancellationToken Token = TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_delegate_that_throws_costs_one_attempt_and_reaches_its_own_rank_alone()
    {
        await using var cluster = await ElasticCluster.StartAsync(options => options.InitialRanks = 3);
        await cluster.WaitForStepsAsync(5);
        var thrown = 0;
        cluster[1].OnStep = _ =>
        {
            if (Interlocked.Exchange(ref thrown, 1) == 0)
                throw new InvalidOperationException("poison");
        };
        await cluster.WaitUntilAsync(() => cluster[1].Failures.Count == 1, "the failure");
        await cluster.WaitForStepsAsync(10);
        var failure = Assert.Single(cluster[1].Failures);
        Assert.True(failure.WillRunAgain);
        Assert.Equal("poison", failure.InnerException!.Message);
        Assert.Empty(cluster[0].Failures);
        Assert.Empty(cluster[2].Failures);
        Assert.True(cluster[0].Runtime.View.Epoch > 1);
    }

    [Fact]
    public async Task A_throw_after_the_exchanges_is_local()
    {
        await using var cluster = await ElasticCluster.StartAsync();
        await cluster.WaitForStepsAsync(5);
        var thrown = 0;
        cluster[1].OnTail = _ =>
        {
            if (Interlocked.Exchange(ref thrown, 1) == 0)
                throw new InvalidOperationException("bad sample");
        };
        await cluster.WaitUntilAsync(() => cluster[1].Failures.Count == 1, "the failure");
        Assert.False(cluster[1].Failures[0].WillRunAgain);
        await cluster.WaitForStepsAsync(10);
        Assert.Equal(1, cluster[0].Runtime.View.Epoch);
    }

    [Fact]
    public async Task Dropped_links_under_way_cost_attempts_and_never_an_output()
    {
        await using var cluster = await ElasticCluster.StartAsync(options => options.InitialRanks = 4);
        await cluster.WaitForStepsAsync(5);
        var random = new Mixer(7);
        for (var i = 0; i < 10; i++)
        {
            var a = random.Below(4);
            cluster.Hub.Drop(a, (a + 1 + random.Below(3)) % 4);
            await cluster.WaitForStepsAsync(5);
        }

        Assert.True(cluster[0].Runtime.View.Epoch > 1);
    }

    [Fact]
    public async Task Links_that_drop_while_the_group_scales_do_not_stop_it()
    {
        await using var cluster = await ElasticCluster.StartAsync(options => options.InitialRanks = 3);
        await cluster.WaitForStepsAsync(5);
        cluster.OnLaunch = rank => rank.Workload.OnWarmUp = async _ =>
        {
            cluster.Hub.Drop(1, 2);
            await cluster.WaitForStepsAsync(3);
        };
        var result = await cluster.Client.ScaleAsync(4, cancellationToken: Token).WaitAsync(ElasticCluster.Deadline, Token);
        Assert.True(result.Outcome == ScalePhase.Completed, result.Reason);
        await cluster.WaitForStepsAsync(10);
    }

    [Fact]
    public async Task Calls_at_the_wrong_time_get_a_clear_error()
    {
        await using var cluster = await ElasticCluster.StartAsync();
        await cluster.WaitForStepsAsync(2);
        var rank = cluster[0];
        var busy = new TaskCompletionSource<Exception?>(TaskCreationOptions.RunContinuationsAsynchronously);
        rank.OnStep = _ => busy.TrySetResult(Record.Exception(() => rank.Runtime.RunStepAsync((_, _) => default, Token).AsTask().Wait(Token)));
        var error = await busy.Task.WaitAsync(ElasticCluster.Deadline, Token);
        Assert.Equal(ElasticEpErrorCode.InvalidState, Assert.IsType<ElasticEpException>(error?.InnerException ?? error).Code);
        await rank.Runtime.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await rank.Runtime.RunStepAsync((_, _) => default, Token));
        Assert.Throws<ObjectDisposedException>(rank.Runtime.NotifyWork);
    }
}
