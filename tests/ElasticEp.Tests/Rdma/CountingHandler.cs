using System.Threading.Channels;
using ElasticEp.Transport;

namespace ElasticEp.Tests.Rdma;

/// <summary>Takes every frame into one piece of memory, and counts.</summary>
internal sealed class CountingHandler : ITransportHandler
{
    private readonly byte[] _received = new byte[64 << 20];
    private readonly Channel<string> _events = Channel.CreateUnbounded<string>();
    private int _begun;
    private int _open;
    private int _frames;

    /// <summary>Frames that have begun to arrive and are neither complete nor aborted.</summary>
    public int Open => Volatile.Read(ref _open);

    /// <summary>Called with the number of a frame, counted from the last connection, when its memory is named.</summary>
    public Action<int>? OnBegun { get; set; }

    /// <summary>Frames that are complete.</summary>
    public int Frames => Volatile.Read(ref _frames);

    public void OnConnected(PeerIdentity peer)
    {
        _begun = 0;
        _events.Writer.TryWrite($"up {peer.Id}");
    }

    public void OnDisconnected(PeerIdentity peer, DisconnectReason reason, string detail) => _events.Writer.TryWrite($"down {peer.Id} {reason}");

    public ValueTask<FrameTarget> OnFrameAsync(PeerIdentity peer, LinkKind link, FrameInfo frame, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _open);
        OnBegun?.Invoke(++_begun);
        return new(FrameTarget.Deliver(default, EpBuffer.From(_received.AsMemory(0, (int)frame.RowsLength))));
    }

    public void OnFrameCompleted(PeerIdentity peer, LinkKind link, in FrameInfo frame, in FrameTarget target)
    {
        Interlocked.Increment(ref _frames);
        Interlocked.Decrement(ref _open);
    }

    public void OnFrameAborted(PeerIdentity peer, LinkKind link, in FrameInfo frame, in FrameTarget target) => Interlocked.Decrement(ref _open);

    public async Task<string> NextEventAsync(TimeSpan deadline) => await _events.Reader.ReadAsync().AsTask().WaitAsync(deadline);
}
