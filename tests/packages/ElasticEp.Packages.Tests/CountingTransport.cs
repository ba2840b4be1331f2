using ElasticEp.Transport;

namespace ElasticEp.Packages.Tests;

/// <summary>A transport as somebody else may write one: it counts the frames that another one carries.</summary>
internal sealed class CountingTransport(ITransport inner) : ITransport
{
    private long _frames;

    public long Frames => Volatile.Read(ref _frames);

    public string Address => inner.Address;

    public ValueTask StartAsync(PeerIdentity self, ITransportHandler handler, CancellationToken cancellationToken = default) => inner.StartAsync(self, handler, cancellationToken);

    public ValueTask ConnectAsync(MemberId peer, string address, CancellationToken cancellationToken = default) => inner.ConnectAsync(peer, address, cancellationToken);

    public ValueTask DisconnectAsync(MemberId peer, CancellationToken cancellationToken = default) => inner.DisconnectAsync(peer, cancellationToken);

    public void Abort(MemberId peer, DisconnectReason reason, string detail) => inner.Abort(peer, reason, detail);

    public bool CanUse(MemoryKind kind) => inner.CanUse(kind);

    public IDisposable Register(EpBuffer memory) => inner.Register(memory);

    public ValueTask SendAsync(MemberId peer, LinkKind link, FrameHead head, ReadOnlyMemory<EpBuffer> metadata, ReadOnlyMemory<EpBuffer> rows, CancellationToken cancellationToken = default)
    {
        Interlocked.Increment(ref _frames);
        return inner.SendAsync(peer, link, head, metadata, rows, cancellationToken);
    }

    public ValueTask DisposeAsync() => inner.DisposeAsync();
}
