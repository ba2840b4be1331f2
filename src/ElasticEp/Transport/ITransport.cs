namespace ElasticEp.Transport;

/// <summary>
/// Carries frames between the peers of one group. A frame has a head, metadata and rows; the receiver, never the sender, names the memory that
/// metadata and rows go to.
/// A peer is a process, not a number: two incarnations of one rank are two peers, and may be connected at the same time.
/// All members may be called at the same time from any thread.
/// </summary>
public interface ITransport : IAsyncDisposable
{
    /// <summary>Where peers can reach this process; valid after <see cref="StartAsync"/>.</summary>
    string Address { get; }

    /// <summary>Starts to accept connections. Called once.</summary>
    /// <param name="self">Who this process is; its <see cref="PeerIdentity.Address"/> is ignored.</param>
    /// <param name="handler">Receives connections and frames.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    ValueTask StartAsync(PeerIdentity self, ITransportHandler handler, CancellationToken cancellationToken = default);

    /// <summary>
    /// Connects to a peer, or returns at once if the two are connected. Both ends may do it at the same time: one connection
    /// results. When it returns, <see cref="ITransportHandler.OnConnected"/> has been called on this end, and the other end can send too,
    /// though its handler may still be on its way to hear of the connection.
    /// </summary>
    /// <param name="peer">The process that is wanted.</param>
    /// <param name="address">Where it is expected.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="ElasticEpException">
    /// <see cref="ElasticEpErrorCode.PeerLost"/> when nobody answers at the address, or an older incarnation of the peer does: it may be worth
    /// another attempt.
    /// <see cref="ElasticEpErrorCode.ConnectionRefused"/> when the host answers that nobody listens there.
    /// <see cref="ElasticEpErrorCode.PeerReplaced"/> when a newer incarnation of the peer answers, so that the wanted one has ended.
    /// <see cref="ElasticEpErrorCode.Incompatible"/> when somebody else answers, refuses, or has another layout.
    /// </exception>
    ValueTask ConnectAsync(MemberId peer, string address, CancellationToken cancellationToken = default);

    /// <summary>Ends the connection to a peer with a goodbye; nothing happens when there is none.</summary>
    ValueTask DisconnectAsync(MemberId peer, CancellationToken cancellationToken = default);

    /// <summary>
    /// Cuts the connection to a peer at once, without a goodbye and without waiting for a receiver that does not read. This end's
    /// handler gets <see cref="ITransportHandler.OnDisconnected"/> with this reason and text, the other end sees a reset. Nothing
    /// happens when there is no connection, or it is ending already.
    /// </summary>
    /// <param name="peer">The peer.</param>
    /// <param name="reason">Why, mostly <see cref="DisconnectReason.Aborted"/>.</param>
    /// <param name="detail">The same in words.</param>
    void Abort(MemberId peer, DisconnectReason reason, string detail);

    /// <summary>
    /// Whether rows may lie in memory of a kind, at either end; <see cref="MemoryKind.Host"/> always. Metadata lies in host memory.
    /// </summary>
    bool CanUse(MemoryKind kind);

    /// <summary>
    /// Says ahead of time that rows will be sent from, or received into, some memory, so that what a transport has to do with it once is not
    /// done within a step. Memory that was not registered may be used too.
    /// </summary>
    /// <param name="memory">The memory; it stays where it is until the registration is disposed of.</param>
    /// <returns>Ends the registration; no frame may use the memory then. It may be disposed of after the transport, and then does nothing.</returns>
    /// <exception cref="ArgumentException"><see cref="CanUse"/> says no.</exception>
    /// <exception cref="InsufficientMemoryException">So much cannot be registered; the message says how much was wanted.</exception>
    IDisposable Register(EpBuffer memory);

    /// <summary>
    /// Sends one frame: a head, and the segments of its metadata and its rows, in order. When it returns, their memory may be
    /// used again; that says nothing about arrival. Waits while the receiver does not accept (back-pressure).
    /// Cancelling may leave the frame sent or unsent, never half sent: what is left of one that is half out goes on from a copy. When that
    /// would be more than 32 MiB, the connection ends instead. Either way the call ends soon, whatever the receiver does.
    /// </summary>
    /// <param name="peer">Destination.</param>
    /// <param name="link">Link to use.</param>
    /// <param name="head">What the receiver sees first.</param>
    /// <param name="metadata">The segments of the metadata, host memory of at most <see cref="int.MaxValue"/> bytes together; may be empty.</param>
    /// <param name="rows">The segments of the rows; may be empty.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="ArgumentException">The metadata is too long, or memory is of a kind that cannot be used.</exception>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.PeerLost"/> when there is no connection to this very process, or it ends.</exception>
    ValueTask SendAsync(MemberId peer, LinkKind link, FrameHead head, ReadOnlyMemory<EpBuffer> metadata, ReadOnlyMemory<EpBuffer> rows, CancellationToken cancellationToken = default);
}
