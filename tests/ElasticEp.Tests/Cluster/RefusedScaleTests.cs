namespace ElasticEp.Tests.Cluster;

/// <summary>A resize of a group that waits for a dead rank, because it needs both: it is refused naming that rank, and not the one that coordinates.</summary>
public sealed class RefusedScaleTests
{
    private static readonly CancellationToken Token = TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0)] // coordinates
    [InlineData(1)]
    public async Task A_resize_is_refused_at_once_when_the_group_waits_for_a_rank(int victim)
    {
        await using var cluster = await StartAsync();
        cluster.Kill(victim);
        await cluster.WaitUntilAsync(() => cluster.Client.GetStatus().Obstacle is not null, "the client to know it");
        AssertNames(victim, await RefusedAsync(cluster, new ScaleRequest { Size = 3 }), ElasticEpErrorCode.GroupWaits);
        AssertNames(victim, await RefusedAsync(cluster, new ScaleRequest { Remove = [victim] }), ElasticEpErrorCode.GroupWaits);
    }

    [Fact]
    public async Task A_resize_during_which_a_rank_is_lost_names_it_when_its_deadline_has_passed()
    {
        using var gate = new ManualResetEventSlim();
        await using var cluster = await StartAsync(cluster => cluster.OnLaunch = rank =>
        {
            if (rank.Runtime.Rank == 2)
                gate.Wait(Token); // the joiner takes its time
        });
        try
        {
            var scaling = RefusedAsync(cluster, new ScaleRequest { Size = 3, Deadline = TimeSpan.FromSeconds(1) });
            await cluster.WaitUntilAsync(() => cluster.Client.GetStatus().Ranks.Any(rank => rank is { Rank: 2, Condition: RankCondition.Joining }), "the operation to be recorded");
            cluster.Kill(1);
            AssertNames(1, await scaling.WaitAsync(ElasticCluster.Deadline, Token), ElasticEpErrorCode.DeadlineExceeded);
        }
        finally
        {
            gate.Set();
        }
    }

    private static async Task<ElasticEpException> RefusedAsync(ElasticCluster cluster, ScaleRequest request) =>
        await Assert.ThrowsAsync<ElasticEpException>(() => cluster.Client.ScaleAsync(request, cancellationToken: Token));

    private static void AssertNames(int victim, ElasticEpException refused, ElasticEpErrorCode code)
    {
        Assert.Equal((code, victim), (refused.Code, refused.Rank));
        Assert.Contains($"rank {victim} is lost", refused.Message, StringComparison.Ordinal);
        Assert.Contains("is below MinRanks = 2", refused.Message, StringComparison.Ordinal);
    }

    private static Task<ElasticCluster> StartAsync(Action<ElasticCluster>? prepare = null) => ElasticCluster.StartAsync(
        options =>
        {
            options.StepDeadline = TimeSpan.FromSeconds(2);
            options.RecoveryDeadline = TimeSpan.FromSeconds(1);
            options.MinRanks = 2;
        },
        prepare);
}
