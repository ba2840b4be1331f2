using ElasticEp.TestKit;
using ElasticEp.Transport;
using ElasticEp.Transports.Tcp.Transport;

namespace ElasticEp.Tests.Tcp;

/// <summary>A started transport and what it has delivered.</summary>
internal sealed record TcpPeer(TcpTransport Transport, RecordingHandler Handler)
{
    public PeerIdentity Self => Transport.Self!;

    public Task ConnectAsync(TcpPeer other) => Transport.ConnectAsync(other.Self.Id, other.Self.Address).AsTask().WaitAsync(TcpGroup.Deadline);

    /// <summary>Sends to the first incarnation of a rank.</summary>
    public Task SendAsync(int rank, LinkKind link, long step, int length, CancellationToken cancellationToken = default) =>
        SendAsync(new MemberId(rank, 1), link, step, length, cancellationToken);

    /// <summary>Sends a frame whose bytes are all its step.</summary>
    public async Task SendAsync(MemberId peer, LinkKind link, long step, int length, CancellationToken cancellationToken = default)
    {
        var bytes = new byte[length];
        bytes.AsSpan().Fill((byte)step);
        await Transport.SendAsync(peer, link, SuiteFrame.Head(step), default, length == 0 ? default : new[] { EpBuffer.From(bytes) }, cancellationToken);
    }

    /// <summary>A frame there and one back on each link.</summary>
    public async Task ExchangeAsync(TcpPeer other, long step)
    {
        foreach (var link in Enum.GetValues<LinkKind>())
        {
            await SendAsync(other.Self.Id, link, step, 1000);
            Assert.Equal(step, (await other.Handler.NextFrameAsync()).Header.Step);
            await other.SendAsync(Self.Id, link, step, 1000);
            Assert.Equal(step, (await Handler.NextFrameAsync()).Header.Step);
        }
    }
}
