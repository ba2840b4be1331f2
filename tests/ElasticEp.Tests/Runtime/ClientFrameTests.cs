using ElasticEp.Membership;
using ElasticEp.TestKit;
using ElasticEp.Tests.Cluster;
using ElasticEp.Transport;

namespace ElasticEp.Tests.Runtime;

/// <summary>A client takes no part in steps: what only ranks may send ends its connection, and the steps go on.</summary>
public sealed class ClientFrameTests
{
    private static readonly CancellationToken Token = TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(FrameOperation.StepEnd, LinkKind.Control)]
    [InlineData(FrameOperation.Wake, LinkKind.Control)]
    [InlineData(FrameOperation.Dispatch, LinkKind.Data)]
    [InlineData(FrameOperation.Weights, LinkKind.Weights)]
    [InlineData(FrameOperation.Protocol, LinkKind.Weights)]
    public async Task A_client_that_sends_what_only_ranks_may_is_cut_off(FrameOperation operation, LinkKind link)
    {
        await using var cluster = await ElasticCluster.StartAsync();
        var handler = new RecordingHandler();
        await using var client = new InProcessTransport(cluster.Hub);
        await client.StartAsync(new PeerIdentity("toy", new MemberId(-9, 999), "", Layout.Describe(cluster.Options)), handler, Token);
        var member = cluster.Client.View.Find(1)!;
        await client.ConnectAsync(member.Id, member.Address, Token);
        Assert.Equal($"up 1/{member.Incarnation}", await handler.NextConnectionAsync());
        var header = new FrameHeader { Operation = operation, Epoch = cluster.Client.View.Epoch, Step = cluster[1].Steps + 1 };
        await Task.WhenAny(client.SendAsync(member.Id, link, header, default, Token).AsTask()).WaitAsync(ElasticCluster.Deadline, Token); // whether the sender is told is the transport's affair
        Assert.Equal($"down 1/{member.Incarnation} ProtocolError", await handler.NextConnectionAsync());
        await cluster.WaitForStepsAsync(5);
    }
}
