using ElasticEp.Transport;

namespace ElasticEp.Transports.Rdma.Connections;

/// <summary>
/// What the control transport calls. Frames of its control link go through; its data link carries what sets connections up, and its weights
/// link nothing.
/// </summary>
internal sealed class ControlHandler(RdmaTransport transport) : ITransportHandler
{
    public void OnConnected(PeerIdentity peer) => transport.Add(peer).Begin();

    public void OnDisconnected(PeerIdentity peer, DisconnectReason reason, string detail) => transport.Find(peer.Id)?.End(reason, detail);

    public ValueTask<FrameTarget> OnFrameAsync(PeerIdentity peer, LinkKind link, FrameInfo frame, CancellationToken cancellationToken)
    {
        var connection = Of(peer);
        return link switch
        {
            LinkKind.Control when connection.Opened.IsCompletedSuccessfully => transport.Handler.OnFrameAsync(connection.Remote, link, frame, cancellationToken),
            LinkKind.Control => OnEarlyFrameAsync(connection, frame, cancellationToken),
            LinkKind.Data => new ValueTask<FrameTarget>(RdmaConnection.OnSetup(frame)),
            _ => throw new ElasticEpException(ElasticEpErrorCode.ProtocolViolation, $"{peer.Id} sends on the {link} link of the control transport."),
        };
    }

    public void OnFrameCompleted(PeerIdentity peer, LinkKind link, in FrameInfo frame, in FrameTarget target)
    {
        var connection = Of(peer);
        if (link == LinkKind.Control)
            transport.Handler.OnFrameCompleted(connection.Remote, link, frame, target);
        else
            connection.OnSetupCompleted(frame, target);
    }

    public void OnFrameAborted(PeerIdentity peer, LinkKind link, in FrameInfo frame, in FrameTarget target)
    {
        if (link == LinkKind.Control)
            transport.Handler.OnFrameAborted(Of(peer).Remote, link, frame, target);
    }

    /// <summary>The other end knew first that the connection is up.</summary>
    private async ValueTask<FrameTarget> OnEarlyFrameAsync(RdmaConnection connection, FrameInfo frame, CancellationToken cancellationToken)
    {
        await connection.Opened.WaitAsync(cancellationToken).ConfigureAwait(false);
        return await transport.Handler.OnFrameAsync(connection.Remote, LinkKind.Control, frame, cancellationToken).ConfigureAwait(false);
    }

    private RdmaConnection Of(PeerIdentity peer) =>
        transport.Find(peer.Id) ?? throw new InvalidOperationException($"The control transport has a frame of {peer.Id}, which is not connected.");
}
