namespace ElasticEp.Tests.Cluster;

/// <summary>Groups whose engines agree with each other before a view is used.</summary>
public sealed class AgreementTests
{
    private static readonly CancellationToken Token = TestContext.Current.CancellationToken;

    private readonly AgreeingEngines _engines = new();

    [Fact]
    public async Task Every_member_has_agreed_with_all_others_before_a_view_is_used()
    {
        await using var cluster = await ElasticCluster.StartAsync(prepare: cluster => cluster.Engines = _engines);
        foreach (var size in (int[])[4, 2, 3])
        {
            var result = await cluster.Client.ScaleAsync(size, cancellationToken: Token).WaitAsync(ElasticCluster.Deadline, Token);
            Assert.True(result.Outcome == ScalePhase.Completed, result.Reason);
            lock (_engines.Agreed)
                Assert.All(result.View.Members, member => Assert.Contains((member.Rank, result.View.Digest), _engines.Agreed));
            await cluster.WaitForStepsAsync(5);
        }
    }

    [Fact]
    public async Task A_standby_fetches_though_no_member_agrees_with_it()
    {
        await using var cluster = await ElasticCluster.StartAsync(prepare: cluster => cluster.Engines = _engines);
        var standby = await cluster.StartStandbyAsync(5, state => state.Reason.StartsWith("dense weights held", StringComparison.Ordinal));
        Assert.True(standby.Workload.IsDenseRight);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public async Task A_member_that_does_not_reach_the_others_fails_the_operation_and_the_next_one_works(int rank)
    {
        await using var cluster = await ElasticCluster.StartAsync(prepare: cluster => cluster.Engines = _engines);
        _engines.Unreachable.Add(rank);
        var result = await cluster.Client.ScaleAsync(3, cancellationToken: Token).WaitAsync(ElasticCluster.Deadline, Token);
        Assert.Equal(ScalePhase.Aborted, result.Outcome);
        Assert.Contains($"rank {rank} reaches nobody", result.Reason, StringComparison.Ordinal);
        await cluster.WaitForStepsAsync(5);
        _engines.Unreachable.Clear();
        result = await cluster.Client.ScaleAsync(3, cancellationToken: Token).WaitAsync(ElasticCluster.Deadline, Token);
        Assert.True(result.Outcome == ScalePhase.Completed, result.Reason);
        await cluster.WaitForStepsAsync(5);
    }
}
