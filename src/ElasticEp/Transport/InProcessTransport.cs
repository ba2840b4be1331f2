using System.Collections.Concurrent;

namespace ElasticEp.Transport;

/// <summary>
/// A transport between ranks of one process. A frame is copied once, on the sender's thread, from the sender's segments into
/// the memory that the receiver's handler names.
/// </summary>
internal sealed class InProcessTransport(InProcessTransportHub hub) : ITransport
{
    private readonly ConcurrentDictionary<int, InProcessConnection> _connections = new();
    private ITransportHandler? _handler;
    private int _isDisposed;

    public string Address { get; private set; } = "";

    internal PeerIdentity? Self { get; private set; }

    public ValueTask StartAsync(PeerIdentity self, ITransportHandler handler, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(self);
        ArgumentNullException.ThrowIfNull(handler);
        ObjectDisposedException.ThrowIf(_isDisposed != 0, this);
        if (_handler is not null)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidState, "The transport was already started.");
        _handler = handler;
        Address = hub.Register(this);
        Self = self with { Address = Address };
        return default;
    }

    public async ValueTask ConnectAsync(int peer, string address, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_isDisposed != 0, this);
        cancellationToken.ThrowIfCancellationRequested();
        if (Self is not { } self)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidState, "Start the transport before you connect.");
        if (_connections.TryGetValue(peer, out var present) && present.IsOpenTo(address))
            return;
        if (hub.Find(address) is not { Self: { } other } remote || hub.IsPartitioned(self.Peer, peer))
            throw new ElasticEpException(ElasticEpErrorCode.PeerLost, $"Nobody answers at {address}, where peer {peer} was expected.") { Rank = peer };
        Handshake.Check(self, other, peer);
        var connection = await InProcessConnection.OpenAsync(this, remote, cancellationToken).ConfigureAwait(false);
        await connection.Opened.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    public ValueTask DisconnectAsync(int peer, CancellationToken cancellationToken = default) =>
        _connections.TryGetValue(peer, out var connection)
            ? new ValueTask(connection.CloseAsync(DisconnectReason.Goodbye, $"peer {Self!.Peer} said goodbye"))
            : default;

    public ValueTask SendAsync(int peer, LinkKind link, FrameHeader header, ReadOnlyMemory<EpBuffer> segments, CancellationToken cancellationToken = default)
    {
        long length = 0;
        foreach (var segment in segments.Span)
            length += segment.ByteLength;
        if (length != header.PayloadLength)
            throw new ArgumentException($"The header says {header.PayloadLength} bytes of payload, the segments have {length}.", nameof(segments));
        return _connections.TryGetValue(peer, out var connection)
            ? connection.SendAsync(this, link, header, segments, cancellationToken)
            : throw NotConnected(peer);
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
            return;
        hub.Unregister(Address);
        foreach (var connection in _connections.Values)
            await connection.CloseAsync(DisconnectReason.Goodbye, $"peer {Self!.Peer} said goodbye").ConfigureAwait(false);
    }

    internal static ElasticEpException NotConnected(int peer) =>
        new(ElasticEpErrorCode.PeerLost, $"There is no connection to peer {peer}.") { Rank = peer };

    internal ITransportHandler Handler => _handler!;

    internal ConcurrentDictionary<int, InProcessConnection> Connections => _connections;

    internal void Break(int peer, string detail)
    {
        if (_connections.TryGetValue(peer, out var connection))
            _ = connection.CloseAsync(DisconnectReason.Reset, detail);
    }

    internal void Kill()
    {
        hub.Unregister(Address);
        foreach (var connection in _connections.Values)
            _ = connection.CloseAsync(DisconnectReason.Reset, $"peer {Self!.Peer} vanished");
    }
}
