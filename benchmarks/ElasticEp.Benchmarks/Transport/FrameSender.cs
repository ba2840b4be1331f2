using ElasticEp.Transport;

namespace ElasticEp.Benchmarks.Transport;

/// <summary>Our end of a connection: frames out of native memory.</summary>
internal sealed class FrameSender : ITransportHandler, IAsyncDisposable
{
    private const int MaxFrame = 4 << 20;

    private static readonly MemberId Peer = new(1, 1);

    private readonly ITransport _transport;
    private readonly LinkKind _small;
    private readonly nint _memory = NativeMemoryBlock.Allocate(MaxFrame);
    private readonly EpBuffer[] _segments = new EpBuffer[1];
    private TaskCompletionSource _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private FrameSender(ITransport transport, LinkKind small) => (_transport, _small) = (transport, small);

    public static async Task<FrameSender> ConnectAsync(string address, FrameLink link)
    {
        var sender = new FrameSender(link.Create(), link.Small());
        await sender._transport.StartAsync(new PeerIdentity("benchmark", new MemberId(0, 1), "", ""), sender);
        await sender._transport.ConnectAsync(Peer, address);
        return sender;
    }

    /// <summary>Sends the frames one after another and waits until the last one has arrived.</summary>
    public async Task StreamAsync(int size, int count)
    {
        _segments[0] = EpBuffer.FromPointer(_memory, size, ElementType.Byte);
        var header = new FrameHeader { Operation = FrameOperation.Dispatch };
        var (head, last) = (header.Encode(), (header with { Flags = 1 }).Encode());
        _answer = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        for (var i = 1; i <= count; i++)
            await _transport.SendAsync(Peer, LinkKind.Data, i < count ? head : last, default, _segments);
        await _answer.Task;
    }

    public async Task RoundTripAsync()
    {
        _answer = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await _transport.SendAsync(Peer, _small, new FrameHeader { Operation = FrameOperation.StepEnd, Flags = 1 }.Encode(), default, default);
        await _answer.Task;
    }

    public ValueTask DisposeAsync() => _transport.DisposeAsync();

    public void OnConnected(PeerIdentity peer)
    {
    }

    public void OnDisconnected(PeerIdentity peer, DisconnectReason reason, string detail) =>
        _answer.TrySetException(new InvalidOperationException($"{reason}: {detail}"));

    public ValueTask<FrameTarget> OnFrameAsync(PeerIdentity peer, LinkKind link, FrameInfo frame, CancellationToken cancellationToken) => new(FrameTarget.Deliver(default, default));

    public void OnFrameCompleted(PeerIdentity peer, LinkKind link, in FrameInfo frame, in FrameTarget target) => _answer.TrySetResult();

    public void OnFrameAborted(PeerIdentity peer, LinkKind link, in FrameInfo frame, in FrameTarget target)
    {
    }
}
