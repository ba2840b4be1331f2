using ElasticEp.Tests.Cluster;

namespace ElasticEp.Tests.Runtime;

/// <summary>An app's message reaches the very process that it is meant for.</summary>
public sealed class MessengerTests
{
    [Fact]
    public async Task A_message_for_an_earlier_process_of_a_rank_does_not_reach_its_successor()
    {
        await using var cluster = await ElasticCluster.StartAsync();
        var member = cluster.Client.View.Find(1)!.Id;
        var messenger = cluster.Client.Messenger;
        var lost = await Assert.ThrowsAsync<ElasticEpException>(async () => await messenger.SendAsync(member with { Incarnation = member.Incarnation - 1 }, 1, "to the one before"u8.ToArray()));
        Assert.Equal(ElasticEpErrorCode.PeerLost, lost.Code);
        await messenger.SendAsync(member, 2, "to this one"u8.ToArray());
        using var deadline = new CancellationTokenSource(ElasticCluster.Deadline);
        await foreach (var message in cluster[1].Runtime.Messenger.ReadAllAsync(deadline.Token))
        {
            Assert.Equal((messenger.Self, 2), (message.Sender, message.Topic));
            break;
        }

        Assert.False(messenger.Self.IsRank);
        Assert.Equal(member, cluster[1].Runtime.Messenger.Self);
    }
}
