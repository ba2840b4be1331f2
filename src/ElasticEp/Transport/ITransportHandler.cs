namespace ElasticEp.Transport;

/// <summary>
/// The receiving side of a transport. Calls for one link of one peer come one after another, in the order of the frames;
/// calls for different links or peers may come at the same time, on any thread. Implementations return quickly and
/// never run user code.
/// </summary>
public interface ITransportHandler
{
    /// <summary>A connection with all its links is up. Called before the first frame of the connection.</summary>
    void OnConnected(PeerIdentity peer);

    /// <summary>
    /// The connection has ended; called exactly once for each <see cref="OnConnected"/>, after the last frame callback.
    /// </summary>
    void OnDisconnected(PeerIdentity peer, DisconnectReason reason, string detail);

    /// <summary>
    /// The head of a frame has arrived. The answer says where its metadata and rows go; until the answer is there, nothing further is
    /// read from that link, which is how a receiver holds a frame that came early.
    /// </summary>
    /// <param name="peer">Who sent it.</param>
    /// <param name="link">On which link.</param>
    /// <param name="frame">Its head and lengths.</param>
    /// <param name="cancellationToken">Cancelled when the connection ends.</param>
    /// <exception cref="ElasticEpException">The frame breaks the protocol: the connection is closed with that reason.</exception>
    ValueTask<FrameTarget> OnFrameAsync(PeerIdentity peer, LinkKind link, FrameInfo frame, CancellationToken cancellationToken);

    /// <summary>The frame lies complete in <paramref name="target"/>. Not called for discarded frames.</summary>
    void OnFrameCompleted(PeerIdentity peer, LinkKind link, in FrameInfo frame, in FrameTarget target);

    /// <summary>
    /// The connection ended while the frame was being written; from now on the transport does not touch the memory.
    /// </summary>
    void OnFrameAborted(PeerIdentity peer, LinkKind link, in FrameInfo frame, in FrameTarget target);
}
