using ElasticEp.Tests.Tcp;

namespace ElasticEp.Tests.Cluster;

/// <summary>The store is restarted without a file while the group runs: the members bring the record back, and the group can change again.</summary>
public sealed class StoreLossTests
{
    [Theory]
    [InlineData(null)]
    [InlineData(0)] // the coordinator dies with it
    [InlineData(1)]
    public async Task The_group_goes_on_and_can_be_resized(int? victim)
    {
        await using var store = await StoreFixture.StartAsync();
        await using var cluster = await ElasticCluster.StartAsync(options => options.InitialRanks = 4, openStore: () => store.Connect());
        await cluster.WaitForStepsAsync(20);
        var before = cluster.Client.View;
        if (victim is { } killed)
            cluster.Kill(killed);
        await store.RestartAsync();
        var restored = await cluster.WaitForViewAsync(view => view.Epoch > 1 << 20);
        Assert.Equal(before.Members.Where(member => member.Rank != victim), restored.Members);
        await cluster.WaitForStepsAsync(20);
        var grown = await cluster.Client.ScaleAsync(5, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal((ScalePhase.Completed, 5), (grown.Outcome, grown.View.Members.Length));
        await cluster.WaitForStepsAsync(20);
    }
}
