namespace ElasticEp.Tests.Cluster;

public sealed class ScalingTests
{
    private static readonly CancellationToken Token = TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_group_is_born_and_makes_steps_whose_outputs_equal_the_reference()
    {
        await using var cluster = await ElasticCluster.StartAsync(options => options.InitialRanks = 3);
        await cluster.WaitForStepsAsync(50);
        Assert.Equal([0, 1, 2], RanksOf(cluster.Client.View));
        Assert.All(cluster.Ranks, rank => Assert.Equal(1, rank.Workload.DenseLoads));
        Assert.Equal(ToyModel.Layers * ToyModel.Experts, cluster.Ranks.Sum(rank => rank.Workload.ExpertLoads));
    }

    [Fact]
    public async Task Ranks_join_and_leave_while_steps_run_and_joiners_load_nothing_from_the_source()
    {
        await using var cluster = await ElasticCluster.StartAsync();
        await cluster.WaitForStepsAsync(10);
        foreach (var size in (int[])[4, 2, 3, 1, 2, 8, 5])
        {
            var joiners = new List<ToyRank>();
            cluster.OnLaunch = joiners.Add;
            var result = await cluster.Client.ScaleAsync(size, cancellationToken: Token);
            Assert.True(result.Outcome == ScalePhase.Completed, result.Reason);
            Assert.Equal(size, result.View.Members.Length);
            Assert.True(result.BytesMoved >= joiners.Count * ToyModel.DenseBytes, $"{result.BytesMoved} bytes moved to {joiners.Count} joiners");
            Assert.All(joiners, joiner =>
            {
                Assert.Equal((0, 0), (joiner.Workload.DenseLoads, joiner.Workload.ExpertLoads));
                Assert.True(joiner.Workload.IsDenseRight);
            });
            await cluster.WaitForStepsAsync(10);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    public async Task Any_rank_may_leave_the_coordinator_too(int leaver)
    {
        await using var cluster = await ElasticCluster.StartAsync(options => options.InitialRanks = 4);
        await cluster.WaitForStepsAsync(5);
        var workload = cluster[leaver].Workload;
        var result = await cluster.Client.ScaleAsync(new ScaleRequest { Remove = [leaver] }, cancellationToken: Token);
        Assert.True(result.Outcome == ScalePhase.Completed, result.Reason);
        Assert.Equal([.. Enumerable.Range(0, 4).Where(rank => rank != leaver)], RanksOf(result.View));
        Assert.Equal(1, workload.LeaveCalls);
        await cluster.WaitForStepsAsync(10);
        await cluster.Client.ScaleAsync(4, cancellationToken: Token);
        await cluster.WaitForStepsAsync(10);
    }

    [Fact]
    public async Task A_rank_whose_serving_loop_has_stopped_has_left_as_soon_as_nobody_needs_it()
    {
        await using var cluster = await ElasticCluster.StartAsync();
        using var gate = new ManualResetEventSlim();
        var leaver = cluster[1];
        cluster[0].OnStep = step =>
        {
            if (step.View.Members.Length == 1)
                gate.Wait(Token); // the leaver is not released before this step is complete
        };
        await cluster.WaitForStepsAsync(5);
        var leave = leaver.Runtime.LeaveAsync(Token);
        await cluster.WaitUntilAsync(() => leaver.Runtime.View.Find(1) is null, "the leaver to be out");
        await leaver.StopLoopAsync();
        Assert.Equal((false, false), (leave.IsCompleted, leaver.Runtime.HasLeft));
        var again = leaver.Runtime.LeaveAsync(Token);
        gate.Set();
        await leave.WaitAsync(ElasticCluster.Deadline, Token);
        await again.WaitAsync(ElasticCluster.Deadline, Token);
        Assert.True(leaver.Runtime.HasLeft);
    }

    [Fact]
    public async Task The_whole_group_can_be_replaced()
    {
        await using var cluster = await ElasticCluster.StartAsync();
        await cluster.WaitForStepsAsync(5);
        var result = await cluster.Client.ScaleAsync(new ScaleRequest { Ranks = [4, 6] }, cancellationToken: Token);
        Assert.True(result.Outcome == ScalePhase.Completed, result.Reason);
        Assert.Equal([4, 6], RanksOf(result.View));
        await cluster.WaitForStepsAsync(10);
    }

    [Fact]
    public async Task An_idle_group_switches_too_and_wakes_for_work()
    {
        await using var cluster = await ElasticCluster.StartAsync();
        await cluster.WaitForStepsAsync(5);
        foreach (var rank in cluster.Ranks)
            rank.HasWork = false;
        await cluster.WaitUntilAsync(() => cluster.Ranks.All(rank => rank.Runtime.Status.Phase == "idle"), "an idle group");
        cluster.OnLaunch = rank => rank.HasWork = false;
        var steps = cluster[0].Steps;
        var result = await cluster.Client.ScaleAsync(3, cancellationToken: Token);
        Assert.True(result.Outcome == ScalePhase.Completed, result.Reason);
        await cluster.WaitUntilAsync(() => cluster[0].Steps - steps >= 2 && cluster.Ranks.All(rank => rank.Runtime.Status.Phase == "idle"), "an idle group of three"); // after the step that announces and the first of the view
        Assert.InRange(cluster[0].Steps - steps, 2, 3);
        steps = cluster[0].Steps;
        cluster[1].Runtime.NotifyWork();
        await cluster.WaitUntilAsync(() => cluster[0].Steps > steps, "a step after the wake");
    }

    [Fact]
    public async Task Two_calls_at_once_one_wins_and_the_same_id_twice_is_one_operation()
    {
        await using var cluster = await ElasticCluster.StartAsync();
        var gate = new TaskCompletionSource();
        cluster.OnLaunch = rank => rank.Workload.OnWarmUp = async token => await gate.Task.WaitAsync(token);
        var first = cluster.Client.ScaleAsync(new ScaleRequest { Size = 3, OperationId = "one" }, cancellationToken: Token);
        await cluster.WaitUntilAsync(() => cluster.Ranks.Count == 3, "the joiner");
        var again = cluster[0].Runtime.ScaleAsync(new ScaleRequest { Size = 3, OperationId = "one" }, cancellationToken: Token);
        var refused = await Assert.ThrowsAsync<ScaleInProgressException>(() => cluster.Client.ScaleAsync(4, cancellationToken: Token));
        Assert.Equal("one", refused.RunningOperation);
        gate.SetResult();
        Assert.Equal((await first).View.Epoch, (await again).View.Epoch);
        Assert.Equal(3, cluster.Client.View.Members.Length);
    }

    [Fact]
    public async Task Impossible_requests_are_refused_with_the_numbers()
    {
        await using var cluster = await ElasticCluster.StartAsync(options => options.SlotsPerRank = 6);
        await RefusedAsync(cluster, new ScaleRequest { Size = 1 }, "smallest size is 2");
        await RefusedAsync(cluster, new ScaleRequest { Size = 9 }, "MaxRanks = 8");
        await RefusedAsync(cluster, new ScaleRequest { Remove = [5] }, "Rank 5 is not a member");
        await RefusedAsync(cluster, new ScaleRequest { Ranks = [1, 1] }, "twice");
        await RefusedAsync(cluster, new ScaleRequest(), "exactly one");
        await cluster.WaitForStepsAsync(5);
    }

    [Fact]
    public async Task Stopping_the_group_ends_every_loop()
    {
        await using var cluster = await ElasticCluster.StartAsync(options => options.InitialRanks = 3);
        await cluster.WaitForStepsAsync(5);
        var ranks = cluster.Ranks;
        var result = await cluster.Client.StopGroupAsync(Token);
        Assert.True(result.View.IsTerminal);
        foreach (var rank in ranks)
            await rank.Loop.WaitAsync(ElasticCluster.Deadline, Token);
        await Assert.ThrowsAsync<ElasticEpException>(() => cluster.Client.ScaleAsync(2, cancellationToken: Token));
    }

    private static int[] RanksOf(GroupView view) => [.. view.Members.Select(member => member.Rank)];

    private static async Task RefusedAsync(ElasticCluster cluster, ScaleRequest request, string words)
    {
        var error = await Assert.ThrowsAsync<ElasticEpException>(() => cluster.Client.ScaleAsync(request, cancellationToken: Token));
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
    }
}
