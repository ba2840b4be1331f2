using ElasticEp.Transport;

namespace ElasticEp.Tests.Peer;

/// <summary>Takes every frame, and floods whoever connects.</summary>
internal sealed class PeerHandler(ITransport transport, int frameLength) : ITransportHandler
{
    private readonly byte[] _received = new byte[64 << 20];

    public void OnConnected(PeerIdentity peer)
    {
        if (frameLength > 0)
            _ = Task.Run(() => FloodAsync(peer.Id));
    }

    public void OnDisconnected(PeerIdentity peer, DisconnectReason reason, string detail)
    {
    }

    public ValueTask<FrameTarget> OnFrameAsync(PeerIdentity peer, LinkKind link, FrameInfo frame, CancellationToken cancellationToken) =>
        new(FrameTarget.Deliver(default, EpBuffer.From(_received.AsMemory(0, (int)frame.RowsLength))));

    public void OnFrameCompleted(PeerIdentity peer, LinkKind link, in FrameInfo frame, in FrameTarget target)
    {
    }

    public void OnFrameAborted(PeerIdentity peer, LinkKind link, in FrameInfo frame, in FrameTarget target)
    {
    }

    private async Task FloodAsync(MemberId peer)
    {
        var rows = new[] { EpBuffer.From(new byte[frameLength]) };
        try
        {
            while (true)
                await transport.SendAsync(peer, LinkKind.Data, new FrameHead(new byte[FrameHead.ByteLength]), default, rows);
        }
        catch (ElasticEpException)
        {
            // the connection has ended
        }
    }
}
