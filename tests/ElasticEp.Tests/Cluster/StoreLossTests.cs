using ElasticEp.Protocol;
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

    [Fact]
    public async Task When_all_members_are_lost_with_it_the_client_follows_the_group_that_is_born_anew()
    {
        await using var cluster = await ElasticCluster.StartAsync();
        await cluster.Client.ScaleAsync(3, cancellationToken: TestContext.Current.CancellationToken);
        await cluster.WaitForStepsAsync(200); // more than the next group has made when it is looked at
        var before = cluster.Client.View;
        await cluster.EndAllAsync();
        await cluster.Store.DeleteAsync(GroupRecord.KeyOf("toy"), TestContext.Current.CancellationToken);
        await cluster.LaunchAsync(0); // the launcher follows
        await cluster.WaitForViewAsync(view => view.Members.Length == 2 && view.Epoch < before.Epoch); // those that ended last may have gone on without the first, under later epochs
        await cluster.WaitForStepsAsync(5);
        await cluster.WaitUntilAsync(() => cluster.Client.GetStatus().Phase == "serving", "the status to say that it serves");
        var grown = await cluster.Client.ScaleAsync(3, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal((ScalePhase.Completed, 3), (grown.Outcome, grown.View.Members.Length));
    }
}
