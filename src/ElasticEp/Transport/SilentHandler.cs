namespace ElasticEp.Transport;

/// <summary>Stands in for the handler of an endpoint that was killed: a dead process hears nothing.</summary>
internal sealed class SilentHandler : ITransportHandler
{
    public static SilentHandler Instance { get; } = new();

    public void OnConnected(PeerIdentity peer)
    {
    }

    public void OnDisconnected(PeerIdentity peer, DisconnectReason reason, string detail)
    {
    }

    public ValueTask<FrameTarget> OnFrameAsync(PeerIdentity peer, LinkKind link, FrameInfo frame, CancellationToken cancellationToken) => new(FrameTarget.Discard);

    public void OnFrameCompleted(PeerIdentity peer, LinkKind link, in FrameInfo frame, in FrameTarget target)
    {
    }

    public void OnFrameAborted(PeerIdentity peer, LinkKind link, in FrameInfo frame, in FrameTarget target)
    {
    }
}
