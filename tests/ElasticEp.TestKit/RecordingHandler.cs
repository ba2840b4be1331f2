using System.Collections.Concurrent;
using System.Threading.Channels;
using ElasticEp.Transport;

namespace ElasticEp.TestKit;

/// <summary>Notes everything that a transport delivers, and lets a test decide on each frame.</summary>
public sealed class RecordingHandler : ITransportHandler
{
    private readonly Channel<string> _connections = Channel.CreateUnbounded<string>();
    private readonly Channel<(FrameHeader Header, byte[] Payload)> _frames = Channel.CreateUnbounded<(FrameHeader, byte[])>();
    private int _open;

    /// <summary>Decides on a frame; delivers all by default.</summary>
    public Func<LinkKind, FrameHeader, CancellationToken, ValueTask<FrameTarget>>? OnFrame { get; set; }

    /// <summary>Called when a payload is complete, on the transport's thread.</summary>
    public Action<FrameHeader>? OnCompleted { get; set; }

    /// <summary>Everything in the order in which it came.</summary>
    public ConcurrentQueue<string> Log { get; } = new();

    /// <summary>Deliveries that were neither completed nor aborted yet.</summary>
    public int OpenDeliveries => Volatile.Read(ref _open);

    public void OnConnected(PeerIdentity peer) => Note($"up {peer.Peer}/{peer.Incarnation}");

    public void OnDisconnected(PeerIdentity peer, DisconnectReason reason, string detail) => Note($"down {peer.Peer}/{peer.Incarnation} {reason}");

    public async ValueTask<FrameTarget> OnFrameAsync(PeerIdentity peer, LinkKind link, FrameHeader header, CancellationToken cancellationToken)
    {
        var target = OnFrame is null
            ? FrameTarget.Deliver(header.PayloadLength == 0 ? default : EpBuffer.From(new byte[header.PayloadLength]))
            : await OnFrame(link, header, cancellationToken);
        if (target.IsWanted)
            Interlocked.Increment(ref _open);
        return target;
    }

    public void OnFrameCompleted(PeerIdentity peer, LinkKind link, in FrameHeader header, EpBuffer payload)
    {
        Interlocked.Decrement(ref _open);
        Log.Enqueue($"frame {header.Step}");
        _frames.Writer.TryWrite((header, payload.AsSpan<byte>().ToArray()));
        OnCompleted?.Invoke(header);
    }

    public void OnFrameAborted(PeerIdentity peer, LinkKind link, in FrameHeader header, EpBuffer payload) => Interlocked.Decrement(ref _open);

    /// <summary>The next connection event.</summary>
    public async Task<string> NextConnectionAsync() => await _connections.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(TransportConformance.Deadline);

    /// <summary>The next complete frame.</summary>
    public async Task<(FrameHeader Header, byte[] Payload)> NextFrameAsync() => await _frames.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(TransportConformance.Deadline);

    private void Note(string what)
    {
        Log.Enqueue(what);
        _connections.Writer.TryWrite(what);
    }
}
