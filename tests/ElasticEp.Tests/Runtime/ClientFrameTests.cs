using System.Threading.Channels;
using ElasticEp.Membership;
using ElasticEp.Protocol;
using ElasticEp.Tests.Cluster;
using ElasticEp.Transport;

namespace ElasticEp.Tests.Runtime;

/// <summary>A client takes no part in steps: what only ranks may send ends its connection, and the steps go on.</summary>
public sealed class ClientFrameTests
{
    private static readonly CancellationToken Token = TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(nameof(FrameOperation.StepEnd), LinkKind.Control)]
    [InlineData(nameof(FrameOperation.Wake), LinkKind.Control)]
    [InlineData(nameof(FrameOperation.Dispatch), LinkKind.Data)]
    [InlineData(nameof(FrameOperation.Weights), LinkKind.Weights)]
    [InlineData(nameof(FrameOperation.Protocol), LinkKind.Weights)]
    public async Task A_client_that_sends_what_only_ranks_may_is_cut_off(string operation, LinkKind link)
    {
        await using var cluster = await ElasticCluster.StartAsync();
        var handler = new Watcher();
        await using var client = new InProcessTransport(cluster.Hub);
        await client.StartAsync(new PeerIdentity("toy", new MemberId(-9, 999), "", Layout.Describe(cluster.Options)) { ReadsVersion = ProtocolVersion.Current }, handler, Token);
        var member = cluster.Client.View.Find(1)!;
        await client.ConnectAsync(member.Id, member.Address, Token);
        Assert.Equal($"up 1/{member.Incarnation}", await handler.NextAsync());
        var header = new FrameHeader { Operation = Enum.Parse<FrameOperation>(operation), Epoch = cluster.Client.View.Epoch, Step = cluster[1].Steps + 1 };
        await Task.WhenAny(client.SendAsync(member.Id, link, header.Encode(), default, default, Token).AsTask()).WaitAsync(ElasticCluster.Deadline, Token); // whether the sender is told is the transport's affair
        Assert.Equal($"down 1/{member.Incarnation} ProtocolError", await handler.NextAsync());
        await cluster.WaitForStepsAsync(5);
    }

    [Fact]
    public async Task A_process_that_would_misread_what_others_write_is_cut_off_with_both_versions_named()
    {
        await using var cluster = await ElasticCluster.StartAsync();
        var handler = new Watcher();
        await using var client = new InProcessTransport(cluster.Hub);
        await client.StartAsync(new PeerIdentity("toy", new MemberId(-9, 999), "", Layout.Describe(cluster.Options)) { ReadsVersion = ProtocolVersion.Lowest - 1 }, handler, Token);
        var member = cluster.Client.View.Find(1)!;
        await client.ConnectAsync(member.Id, member.Address, Token);
        Assert.Equal($"up 1/{member.Incarnation}", await handler.NextAsync());
        await Task.WhenAny(client.SendAsync(member.Id, LinkKind.Control, new FrameHeader { Operation = FrameOperation.App }.Encode(), default, default, Token).AsTask()).WaitAsync(ElasticCluster.Deadline, Token);
        Assert.Equal($"down 1/{member.Incarnation} ProtocolError", await handler.NextAsync());
        Assert.Contains($"reads version {ProtocolVersion.Lowest - 1} of the group's messages, this process {ProtocolVersion.Lowest} and later", handler.Detail, StringComparison.Ordinal);
    }

    /// <summary>A handler that takes no frame.</summary>
    private sealed class Watcher : ITransportHandler
    {
        private readonly Channel<string> _connections = Channel.CreateUnbounded<string>();

        public string Detail { get; private set; } = "";

        public Task<string> NextAsync() => _connections.Reader.ReadAsync(Token).AsTask().WaitAsync(ElasticCluster.Deadline, Token);

        public void OnConnected(PeerIdentity peer) => _connections.Writer.TryWrite($"up {peer.Id.Rank}/{peer.Id.Incarnation}");

        public void OnDisconnected(PeerIdentity peer, DisconnectReason reason, string detail)
        {
            Detail = detail;
            _connections.Writer.TryWrite($"down {peer.Id.Rank}/{peer.Id.Incarnation} {reason}");
        }

        public ValueTask<FrameTarget> OnFrameAsync(PeerIdentity peer, LinkKind link, FrameInfo frame, CancellationToken cancellationToken) => new(FrameTarget.Discard);

        public void OnFrameCompleted(PeerIdentity peer, LinkKind link, in FrameInfo frame, in FrameTarget target)
        {
        }

        public void OnFrameAborted(PeerIdentity peer, LinkKind link, in FrameInfo frame, in FrameTarget target)
        {
        }
    }
}
