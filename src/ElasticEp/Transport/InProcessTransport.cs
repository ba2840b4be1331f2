using System.Collections.Concurrent;

namespace ElasticEp.Transport;

/// <summary>
/// A transport between ranks of one process. A frame is copied once, on the sender's thread, from the sender's segments into
/// the memory that the receiver's handler names.
/// </summary>
/// <param name="hub">Where its peers are.</param>
/// <param name="address">Where it can be reached; null for an address of its own.</param>
internal sealed class InProcessTransport(InProcessTransportHub hub, string? address = null) : ITransport
{
    private ITransportHandler? _handler;
    private volatile bool _isDisposed;
    private volatile bool _isKilled;

    public string Address => Self?.Address ?? "";

    internal PeerIdentity? Self { get; private set; }

    internal InProcessTransportHub Hub => hub;

    internal ITransportHandler Handler => _isKilled ? SilentHandler.Instance : _handler!;

    /// <summary>By peer; added to under the hub's lock only.</summary>
    internal ConcurrentDictionary<MemberId, InProcessConnection> Connections { get; } = new();

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
        Self = self with { Address = address ?? hub.NewAddress() };
        hub.Register(this);
        return default;
    }

    public ValueTask ConnectAsync(MemberId peer, string address, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(address);
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (Self is not { } self)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidState, "Start the transport before you connect.");
        if (self.Id == peer)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"{peer} cannot connect to itself at {address}.") { Rank = peer.Rank };
        cancellationToken.ThrowIfCancellationRequested();
        return Connections.TryGetValue(peer, out var present) && present.IsUp
            ? default
            : new ValueTask(hub.ConnectAsync(this, peer, address, cancellationToken));
    }

    public ValueTask DisconnectAsync(MemberId peer, CancellationToken cancellationToken = default) =>
        Connections.TryGetValue(peer, out var connection)
            ? new ValueTask(connection.CloseAsync(DisconnectReason.Goodbye, Goodbye).WaitAsync(cancellationToken))
            : default;

    public void Abort(MemberId peer, DisconnectReason reason, string detail)
    {
        ArgumentNullException.ThrowIfNull(detail);
        if (Connections.TryGetValue(peer, out var connection))
            _ = connection.AbortAsync(this, reason, detail);
    }

    public bool CanUse(MemoryKind kind) => kind != MemoryKind.Device;

    public IDisposable Register(EpBuffer memory) => NoRegistration.For(this, memory);

    public ValueTask SendAsync(MemberId peer, LinkKind link, FrameHead head, ReadOnlyMemory<EpBuffer> metadata, ReadOnlyMemory<EpBuffer> rows, CancellationToken cancellationToken = default)
    {
        if (link > LinkKind.Weights)
            throw new ArgumentOutOfRangeException(nameof(link), link, "There is no such link.");
        var frame = new OutgoingFrame(this, head, metadata, rows);
        return Connections.TryGetValue(peer, out var connection)
            ? connection.Lane(this, link).SendAsync(frame, cancellationToken)
            : ValueTask.FromException(new ElasticEpException(ElasticEpErrorCode.PeerLost, $"There is no connection to {peer}.") { Rank = peer.Rank });
    }

    public async ValueTask DisposeAsync()
    {
        _isDisposed = true;
        hub.Unregister(this);
        await Task.WhenAll(Connections.Values.Select(connection => connection.CloseAsync(DisconnectReason.Goodbye, Goodbye))).ConfigureAwait(false);
    }

    /// <summary>Breaks the connections to all processes of a number.</summary>
    internal void Break(int rank, string detail)
    {
        foreach (var (peer, connection) in Connections)
        {
            if (peer.Rank == rank)
                _ = connection.CloseAsync(DisconnectReason.Reset, detail);
        }
    }

    /// <summary>The process is gone: its handler hears nothing more, its peers see a reset.</summary>
    internal void Kill()
    {
        _isKilled = true;
        hub.Unregister(this);
        foreach (var connection in Connections.Values)
            _ = connection.CloseAsync(DisconnectReason.Reset, $"{Self!.Id} vanished");
    }

    private string Goodbye => $"{Self!.Id} said goodbye";
}
