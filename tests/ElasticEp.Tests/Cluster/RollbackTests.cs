using ElasticEp.Runtime;

namespace ElasticEp.Tests.Cluster;

/// <summary>An operation that fails before its commit leaves the old view serving and nothing behind.</summary>
public sealed class RollbackTests
{
    private static readonly CancellationToken Token = TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_launch_that_fails() =>
        await RolledBackAsync(_ => throw new InvalidOperationException("no machine left"), new ScaleRequest { Size = 3 }, "no machine left");

    [Fact]
    public async Task A_joiner_that_throws_while_it_warms_up() =>
        await RolledBackAsync(rank => rank.Workload.OnWarmUp = _ => throw new InvalidOperationException("bad kernel"), new ScaleRequest { Size = 4 }, "bad kernel");

    [Fact]
    public async Task A_joiner_that_hangs_until_the_deadline() =>
        await RolledBackAsync(
            rank => rank.Workload.OnWarmUp = async token => await Task.Delay(Timeout.InfiniteTimeSpan, token),
            new ScaleRequest { Size = 3, Deadline = TimeSpan.FromMilliseconds(500) },
            "deadline");

    [Fact]
    public async Task A_joiner_that_vanishes() =>
        await RolledBackAsync(
            rank => rank.Workload.OnWarmUp = async token =>
            {
                _ = rank.Runtime.DisposeAsync().AsTask();
                await Task.Delay(Timeout.InfiniteTimeSpan, token);
            },
            new ScaleRequest { Size = 3 },
            "rank 2");

    [Fact]
    public async Task A_cancelled_call_returns_what_was_decided()
    {
        await using var cluster = await ElasticCluster.StartAsync();
        using var cancel = new CancellationTokenSource();
        cluster.OnLaunch = rank => rank.Workload.OnWarmUp = async token =>
        {
            await cancel.CancelAsync();
            await Task.Delay(Timeout.InfiniteTimeSpan, token);
        };
        var result = await cluster.Client.ScaleAsync(3, cancellationToken: cancel.Token).WaitAsync(ElasticCluster.Deadline, Token);
        Assert.Equal(ScalePhase.Aborted, result.Outcome);
        Assert.Contains("cancelled", result.Reason, StringComparison.Ordinal);
        await NextOneWorksAsync(cluster);
    }

    [Fact]
    public async Task A_leaver_whose_hook_throws_stays_and_takes_requests_again()
    {
        await using var cluster = await ElasticCluster.StartAsync(options => options.InitialRanks = 3);
        var leaver = cluster[2];
        leaver.Workload.OnLeaving = _ => throw new InvalidOperationException("cannot hand back");
        var result = await cluster.Client.ScaleAsync(2, cancellationToken: Token);
        Assert.Equal(ScalePhase.Aborted, result.Outcome);
        Assert.Contains("cannot hand back", result.Reason, StringComparison.Ordinal);
        await cluster.WaitUntilAsync(() => leaver.Workload.LeaveCancels == 1, "the leave to be cancelled");
        leaver.Workload.OnLeaving = null;
        await NextOneWorksAsync(cluster);
    }

    [Fact]
    public async Task A_hook_that_ignores_its_token_holds_up_nobody_and_is_named_until_it_returns()
    {
        await using var cluster = await ElasticCluster.StartAsync(options => options.InitialRanks = 3);
        var (entered, release) = (new TaskCompletionSource(), new TaskCompletionSource());
        cluster[2].Workload.OnLeaving = async _ =>
        {
            entered.TrySetResult();
            await release.Task;
        };
        var leaving = await cluster.Client.ScaleAsync(new ScaleRequest { Size = 2, Deadline = TimeSpan.FromMilliseconds(500) }, cancellationToken: Token).WaitAsync(ElasticCluster.Deadline, Token);
        Assert.Equal((ScalePhase.Aborted, true), (leaving.Outcome, leaving.HasTimedOut));
        Assert.True(entered.Task.IsCompleted);
        await cluster.WaitForStepsAsync(5);

        var growing = await cluster.Client.ScaleAsync(new ScaleRequest { Size = 4 }, cancellationToken: Token).WaitAsync(ElasticCluster.Deadline, Token);
        Assert.Equal(ScalePhase.Aborted, growing.Outcome);
        Assert.Contains("rank 2", growing.Reason, StringComparison.Ordinal);
        Assert.Contains("OnLeavingAsync", growing.Reason, StringComparison.Ordinal);
        await cluster.WaitForStepsAsync(5);

        release.SetResult();
        cluster[2].Workload.OnLeaving = null;
        await cluster.WaitUntilAsync(() => cluster[2].Workload.LeaveCancels == 1, "the leave to be cancelled");
        await NextOneWorksAsync(cluster);
    }

    /// <summary>Rank 2 leaves and rank 3 joins: both need memory for the rows of the other, in case that a recovery keeps both.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Memory_for_the_next_view_that_one_participant_lacks(int rank)
    {
        var memory = new LimitedMemory();
        await using var cluster = await ElasticCluster.StartAsync(options => options.InitialRanks = 3, cluster => cluster.Faults = memory);
        await cluster.WaitForStepsAsync(5);
        memory.LackingRank = rank;
        var request = new ScaleRequest { Ranks = [0, 1, 3] };
        var result = await cluster.Client.ScaleAsync(request, cancellationToken: Token).WaitAsync(ElasticCluster.Deadline, Token);
        Assert.Equal(ScalePhase.Aborted, result.Outcome);
        Assert.Contains($"rank {rank} failed to prepare the next view: no memory left", result.Reason, StringComparison.Ordinal);
        Assert.Equal([0, 1, 2], result.View.Members.Select(member => member.Rank));
        memory.LackingRank = -1;
        await NextOneWorksAsync(cluster);
    }

    private static async Task RolledBackAsync(Action<ToyRank> onLaunch, ScaleRequest request, string words)
    {
        await using var cluster = await ElasticCluster.StartAsync();
        await cluster.WaitForStepsAsync(5);
        cluster.OnLaunch = onLaunch;
        var result = await cluster.Client.ScaleAsync(request, cancellationToken: Token).WaitAsync(ElasticCluster.Deadline, Token);
        Assert.Equal(ScalePhase.Aborted, result.Outcome);
        Assert.Contains(words, result.Reason, StringComparison.Ordinal);
        Assert.Equal(2, result.View.Members.Length);
        await NextOneWorksAsync(cluster);
    }

    private static async Task NextOneWorksAsync(ElasticCluster cluster)
    {
        cluster.OnLaunch = null;
        var size = cluster.Client.View.Members.Length;
        await cluster.WaitUntilAsync(() => cluster.Ranks.Count == size, "the joiners to be gone");
        await cluster.WaitForStepsAsync(5);
        var result = await cluster.Client.ScaleAsync(size + 2, cancellationToken: Token);
        Assert.True(result.Outcome == ScalePhase.Completed, result.Reason);
        await cluster.WaitForStepsAsync(5);
    }

    private sealed class LimitedMemory : IFaultInjector
    {
        public volatile int LackingRank = -1;

        public void Reach(MemberId rank, string point)
        {
            if (point == FaultPoints.BeforeAllocation && rank.Rank == LackingRank)
                throw new InsufficientMemoryException("no memory left");
        }
    }
}
