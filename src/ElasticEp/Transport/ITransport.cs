namespace ElasticEp.Transport;

/// <summary>
/// Carries frames between the peers of one group. The receiver, never the sender, says where a payload goes.
/// All members may be called at the same time from any thread.
/// </summary>
public interface ITransport : IAsyncDisposable
{
    /// <summary>Where peers can reach this process; valid after <see cref="StartAsync"/>.</summary>
    string Address { get; }

    /// <summary>Starts to accept connections. Called once.</summary>
    /// <param name="self">Who this process is; its <see cref="PeerIdentity.Address"/> is ignored.</param>
    /// <param name="handler">Receives connections and frames.</param>
    /// <param name="cancellationToken">Gives up starting.</param>
    ValueTask StartAsync(PeerIdentity self, ITransportHandler handler, CancellationToken cancellationToken = default);

    /// <summary>
    /// Connects to a peer, or returns at once if the two are connected. Both ends may do it at the same time: one connection
    /// results. When it returns, <see cref="ITransportHandler.OnConnected"/> has been called on this end.
    /// </summary>
    /// <exception cref="ElasticEpException">
    /// <see cref="ElasticEpErrorCode.PeerLost"/> when nobody answers at the address,
    /// <see cref="ElasticEpErrorCode.Incompatible"/> when the peer is another one, refuses, or has another layout.
    /// </exception>
    ValueTask ConnectAsync(int peer, string address, CancellationToken cancellationToken = default);

    /// <summary>Ends the connection to a peer with a goodbye; nothing happens when there is none.</summary>
    ValueTask DisconnectAsync(int peer, CancellationToken cancellationToken = default);

    /// <summary>
    /// Sends one frame: a header and the segments of its payload, in order. When it returns, the segments' memory may be
    /// used again; that says nothing about arrival. Waits while the receiver does not accept (back-pressure).
    /// Cancelling may leave the frame sent or unsent, never half sent.
    /// </summary>
    /// <param name="peer">Destination.</param>
    /// <param name="link">Link to use.</param>
    /// <param name="header">Header; its payload length must be the sum of the segments.</param>
    /// <param name="segments">Payload, may be empty.</param>
    /// <param name="cancellationToken">Gives up sending.</param>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.PeerLost"/> when there is no connection or it ends.</exception>
    ValueTask SendAsync(int peer, LinkKind link, FrameHeader header, ReadOnlyMemory<EpBuffer> segments, CancellationToken cancellationToken = default);
}
