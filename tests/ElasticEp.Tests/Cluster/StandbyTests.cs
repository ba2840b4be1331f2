namespace ElasticEp.Tests.Cluster;

/// <summary>Processes that wait to be admitted, in a group that serves: they hold weights before anybody wants them.</summary>
public sealed class StandbyTests
{
    private const string Full = "dense weights held, 36 of 36 experts";

    private static readonly CancellationToken Token = TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0)] // who coordinates
    [InlineData(1)]
    public async Task A_lost_member_is_replaced_without_moving_a_byte(int victim)
    {
        await using var cluster = await StartAsync();
        var standby = await cluster.StartStandbyAsync(5, state => state.Reason == Full);
        Assert.True(standby.Workload.IsDenseRight);
        Assert.Equal((0, 0), (standby.Workload.DenseLoads, standby.Workload.ExpertLoads));
        Assert.Contains(Full, standby.Runtime.Status.Detail, StringComparison.Ordinal);
        var held = standby.Runtime.GetStatistics().WeightBytesReceived;
        cluster.Kill(victim);
        await cluster.WaitForViewAsync(view => view.Contains(5));
        await cluster.WaitForStepsAsync(10); // each rank compares its rows with the reference
        Assert.Equal(held, standby.Runtime.GetStatistics().WeightBytesReceived);
        await cluster.WaitUntilAsync(() => cluster.Client.GetStatus().Standbys.Count == 0, "the standby to be none any more");
    }

    [Fact]
    public async Task Growing_by_standbys_moves_no_bytes()
    {
        await using var cluster = await StartAsync(options => (options.InitialRanks, options.MovementBudget) = (4, 0));
        await cluster.StartStandbyAsync(4, state => state.Reason == Full);
        await cluster.StartStandbyAsync(5, state => state.Reason == Full);
        var result = await cluster.Client.ScaleAsync(6, cancellationToken: Token).WaitAsync(ElasticCluster.Deadline, Token);
        Assert.Equal((ScalePhase.Completed, 0L), (result.Outcome, result.BytesMoved));
        await cluster.WaitForStepsAsync(10);
    }

    [Fact]
    public async Task A_warm_up_of_a_standby_is_not_repeated_when_it_is_admitted()
    {
        var warmUps = 0;
        await using var cluster = await StartAsync(prepare: cluster => cluster.OnLaunch = rank =>
        {
            if (rank.Runtime.Rank == 3)
                rank.Workload.OnWarmUp = _ =>
                {
                    Interlocked.Increment(ref warmUps);
                    return default;
                };
        });
        await cluster.StartStandbyAsync(3, state => state.Reason == Full);
        Assert.Equal(1, warmUps);
        await cluster.Client.ScaleAsync(4, cancellationToken: Token).WaitAsync(ElasticCluster.Deadline, Token);
        Assert.Equal(1, warmUps);
    }

    [Fact]
    public async Task An_operation_that_wants_a_standby_in_the_middle_of_its_warm_up_waits_for_that()
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var cluster = await StartAsync(prepare: cluster => cluster.OnLaunch = rank =>
        {
            if (rank.Runtime.Rank == 3)
                rank.Workload.OnWarmUp = token => new ValueTask(gate.Task.WaitAsync(token));
        });
        await cluster.StartStandbyAsync(3, state => state.Reason == "no weights yet");
        var scale = cluster.Client.ScaleAsync(4, cancellationToken: Token);
        await cluster.WaitUntilAsync(() => cluster.Client.GetStatus().Ranks.Any(rank => rank is { Rank: 3, Condition: RankCondition.Joining }), "the operation to be recorded");
        await cluster.WaitForStepsAsync(5);
        gate.SetResult();
        var result = await scale.WaitAsync(ElasticCluster.Deadline, Token);
        Assert.True(result.Outcome == ScalePhase.Completed, result.Reason);
        await cluster.WaitForStepsAsync(10);
    }

    [Fact]
    public async Task An_operation_in_the_middle_of_a_fetch_goes_first_and_gives_right_rows()
    {
        for (var round = 0; round < 5; round++)
        {
            await using var cluster = await StartAsync(options => options.WeightChunkBytes = 64);
            await cluster.StartStandbyAsync(3, _ => true); // it has begun
            var result = await cluster.Client.ScaleAsync(4, cancellationToken: Token).WaitAsync(ElasticCluster.Deadline, Token);
            Assert.True(result.Outcome == ScalePhase.Completed, result.Reason);
            await cluster.WaitForStepsAsync(5);
        }
    }

    [Fact]
    public async Task A_standby_whose_warm_up_fails_says_why_tries_again_and_harms_nobody()
    {
        var isBroken = true;
        await using var cluster = await StartAsync(prepare: cluster => cluster.OnLaunch = rank =>
        {
            if (rank.Runtime.Rank == 3)
                rank.Workload.OnWarmUp = _ => Volatile.Read(ref isBroken) ? throw new InvalidOperationException("no compiler") : default;
        });
        var standby = await cluster.StartStandbyAsync(3, state => state.Reason.Contains("no compiler", StringComparison.Ordinal));
        Assert.Contains("WarmUpAsync failed on rank 3", standby.Runtime.Status.Detail, StringComparison.Ordinal);
        await cluster.WaitForStepsAsync(10);
        Assert.Equal(1, cluster.Client.View.Epoch);
        Volatile.Write(ref isBroken, false);
        await cluster.WaitUntilAsync(() => cluster.Client.GetStatus().Standbys.Any(state => state.Reason == Full), "the standby to succeed");
    }

    [Fact]
    public async Task A_source_that_is_killed_meanwhile_costs_a_standby_nothing_but_time()
    {
        await using var cluster = await StartAsync(options => (options.WeightChunkBytes, options.ToleratedLosses, options.RedundantExperts) = (64, 1, ToyModel.Experts));
        var standby = await cluster.StartStandbyAsync(5, _ => true);
        cluster.Kill(1);
        await cluster.WaitForViewAsync(view => view.Contains(5));
        await cluster.WaitForStepsAsync(10);
        Assert.True(standby.Workload.IsDenseRight);
    }

    [Fact]
    public async Task With_fewer_slots_than_experts_it_holds_as_many_as_it_has_slots_for()
    {
        await using var cluster = await StartAsync(options => (options.SlotsPerRank, options.MovementBudget) = (5, 0));
        var standby = await cluster.StartStandbyAsync(3, state => state.Reason == "dense weights held, 15 of 15 experts");
        var held = standby.Runtime.GetStatistics().WeightBytesReceived;
        var result = await cluster.Client.ScaleAsync(4, cancellationToken: Token).WaitAsync(ElasticCluster.Deadline, Token);
        Assert.True(result.Outcome == ScalePhase.Completed, result.Reason);
        Assert.InRange(standby.Runtime.GetStatistics().WeightBytesReceived - held, 0, 3 * ToyModel.Layers * ToyModel.Hidden * sizeof(float)); // its share, when the coordinator has not heard yet what it holds
        await cluster.WaitForStepsAsync(10);
    }

    private static Task<ElasticCluster> StartAsync(Action<ElasticEpOptions>? configure = null, Action<ElasticCluster>? prepare = null) => ElasticCluster.StartAsync(
        options =>
        {
            options.InitialRanks = 3;
            options.HeartbeatInterval = TimeSpan.FromMilliseconds(100);
            configure?.Invoke(options);
        },
        prepare);
}
