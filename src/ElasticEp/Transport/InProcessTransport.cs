using System.Collections.Concurrent;

namespace ElasticEp.Transport;

/// <summary>
/// A transport between ranks of one process. A frame is copied once, on the sender's thread, from the sender's segments into
/// the memory that the receiver's handler names.
/// </summary>
internal sealed class InProcessTransport(InProcessTransportHub hub) : ITransport
{
    private ITransportHandler? _handler;
    private volatile bool _isDisposed;
    private volatile bool _isKilled;

    public string Address => Self?.Address ?? "";

    internal PeerIdentity? Self { get; private set; }

    internal InProcessTransportHub Hub => hub;

    internal ITransportHandler Handler => _isKilled ? SilentHandler.Instance : _handler!;

    /// <summary>By peer; added to under the hub's lock only.</summary>
    internal ConcurrentDictionary<int, InProcessConnection> Connections { get; } = new();

    /// <summary>The newest incarnation of each peer that was ever connected; guarded by the hub's lock.</summary>
    internal Dictionary<int, long> Incarnations { get; } = [];

    /// <summary>Whether it accepts no more connections.</summary>
    internal bool IsGone => _isDisposed || _isKilled;

    public ValueTask StartAsync(PeerIdentity self, ITransportHandler handler, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(self);
        ArgumentNullException.ThrowIfNull(handler);
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        cancellationToken.ThrowIfCancellationRequested();
        if (Interlocked.CompareExchange(ref _handler, handler, null) is not null)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidState, "The transport was already started.");
        Self = self with { Address = hub.NewAddress() };
        hub.Register(this);
        return default;
    }

    public ValueTask ConnectAsync(int peer, string address, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(address);
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (Self is not { } self)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidState, "Start the transport before you connect.");
        if (self.Address == address)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"Peer {self.Peer} cannot connect to itself at {address}.") { Rank = peer };
        cancellationToken.ThrowIfCancellationRequested();
        return Connections.TryGetValue(peer, out var present) && present.IsOpenTo(address)
            ? default
            : new ValueTask(hub.ConnectAsync(this, peer, address, cancellationToken));
    }

    public ValueTask DisconnectAsync(int peer, CancellationToken cancellationToken = default) =>
        Connections.TryGetValue(peer, out var connection)
            ? new ValueTask(connection.CloseAsync(DisconnectReason.Goodbye, Goodbye).WaitAsync(cancellationToken))
            : default;

    public ValueTask SendAsync(int peer, LinkKind link, FrameHeader header, ReadOnlyMemory<EpBuffer> segments, CancellationToken cancellationToken = default)
    {
        if (link > LinkKind.Weights)
            throw new ArgumentOutOfRangeException(nameof(link), link, "There is no such link.");
        CheckPayload(header, segments.Span);
        return Connections.TryGetValue(peer, out var connection)
            ? connection.Lane(this, link).SendAsync(header, segments, cancellationToken)
            : ValueTask.FromException(new ElasticEpException(ElasticEpErrorCode.PeerLost, $"There is no connection to peer {peer}.") { Rank = peer });
    }

    public async ValueTask DisposeAsync()
    {
        _isDisposed = true;
        hub.Unregister(this);
        await Task.WhenAll(Connections.Values.Select(connection => connection.CloseAsync(DisconnectReason.Goodbye, Goodbye))).ConfigureAwait(false);
    }

    /// <summary>Breaks the connection to a peer, if there is one.</summary>
    internal void Break(int peer, string detail)
    {
        if (Connections.TryGetValue(peer, out var connection))
            _ = connection.CloseAsync(DisconnectReason.Reset, detail);
    }

    /// <summary>The process is gone: its handler hears nothing more, its peers see a reset.</summary>
    internal void Kill()
    {
        _isKilled = true;
        hub.Unregister(this);
        foreach (var peer in Connections.Keys)
            Break(peer, $"peer {Self!.Peer} vanished");
    }

    private string Goodbye => $"peer {Self!.Peer} said goodbye";

    private static void CheckPayload(in FrameHeader header, ReadOnlySpan<EpBuffer> segments)
    {
        long length = 0;
        foreach (var segment in segments)
        {
            if (segment.Kind == MemoryKind.Device)
                throw new ArgumentException("A segment is device memory; copy it to host memory before you send it.", nameof(segments));
            length += segment.ByteLength;
        }

        if (length != header.PayloadLength)
            throw new ArgumentException($"The header says {header.PayloadLength} bytes of payload, the segments have {length}.", nameof(segments));
    }
}
