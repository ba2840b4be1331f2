using ElasticEp.Transport;
using ElasticEp.Transports.Rdma.Connections;

namespace ElasticEp.Tests.Rdma;

/// <summary>A transport of the control link that holds one kind of what peers tell while a connection is set up, and what follows it.</summary>
/// <param name="inner">Does all else.</param>
/// <param name="held">The kind.</param>
internal sealed class HeldControl(ITransport inner, SetupKind held) : ITransport
{
    private readonly TaskCompletionSource _release = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string Address => inner.Address;

    /// <summary>Completes when something is held.</summary>
    public TaskCompletionSource Held { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Release() => _release.TrySetResult();

    public ValueTask StartAsync(PeerIdentity self, ITransportHandler handler, CancellationToken cancellationToken = default) =>
        inner.StartAsync(self, new HeldHandler(this, handler), cancellationToken);

    public ValueTask ConnectAsync(MemberId peer, string address, CancellationToken cancellationToken = default) => inner.ConnectAsync(peer, address, cancellationToken);

    public ValueTask DisconnectAsync(MemberId peer, CancellationToken cancellationToken = default) => inner.DisconnectAsync(peer, cancellationToken);

    public void Abort(MemberId peer, DisconnectReason reason, string detail) => inner.Abort(peer, reason, detail);

    public bool CanUse(MemoryKind kind) => inner.CanUse(kind);

    public IDisposable Register(EpBuffer memory) => inner.Register(memory);

    public ValueTask SendAsync(MemberId peer, LinkKind link, FrameHead head, ReadOnlyMemory<EpBuffer> metadata, ReadOnlyMemory<EpBuffer> rows, CancellationToken cancellationToken = default) =>
        inner.SendAsync(peer, link, head, metadata, rows, cancellationToken);

    public ValueTask DisposeAsync() => inner.DisposeAsync();

    private async ValueTask HoldAsync(LinkKind link, FrameInfo frame, CancellationToken cancellationToken)
    {
        if (link != LinkKind.Data || SetupMessage.ReadHead(frame) != held)
            return;
        Held.TrySetResult();
        await _release.Task.WaitAsync(cancellationToken);
    }

    private sealed class HeldHandler(HeldControl control, ITransportHandler inner) : ITransportHandler
    {
        public void OnConnected(PeerIdentity peer) => inner.OnConnected(peer);

        public void OnDisconnected(PeerIdentity peer, DisconnectReason reason, string detail) => inner.OnDisconnected(peer, reason, detail);

        public async ValueTask<FrameTarget> OnFrameAsync(PeerIdentity peer, LinkKind link, FrameInfo frame, CancellationToken cancellationToken)
        {
            await control.HoldAsync(link, frame, cancellationToken);
            return await inner.OnFrameAsync(peer, link, frame, cancellationToken);
        }

        public void OnFrameCompleted(PeerIdentity peer, LinkKind link, in FrameInfo frame, in FrameTarget target) => inner.OnFrameCompleted(peer, link, frame, target);

        public void OnFrameAborted(PeerIdentity peer, LinkKind link, in FrameInfo frame, in FrameTarget target) => inner.OnFrameAborted(peer, link, frame, target);
    }
}
