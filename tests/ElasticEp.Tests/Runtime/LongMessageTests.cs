using ElasticEp.Runtime;
using ElasticEp.Transport;

namespace ElasticEp.Tests.Runtime;

/// <summary>App messages of two processes, while the link of the long ones is held at the receiver.</summary>
public sealed class LongMessageTests : IAsyncLifetime
{
    private const int Long = AppFrames.LongestOnControlLink + 1;

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    private readonly InProcessTransportHub _hub = new();
    private readonly TaskCompletionSource _mayTakeLong = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<(LinkKind Link, int Topic)> _taken = [];
    private readonly InProcessTransport _from;
    private readonly InProcessTransport _to;
    private readonly GroupMessenger _sender;
    private readonly GroupMessenger _receiver;

    public LongMessageTests()
    {
        (_from, _to) = (new InProcessTransport(_hub), new InProcessTransport(_hub));
        (_sender, _receiver) = (new GroupMessenger(_from, new MemberId(0, 1)), new GroupMessenger(_to, new MemberId(1, 1)));
    }

    public async ValueTask InitializeAsync()
    {
        await _from.StartAsync(new PeerIdentity("test", new MemberId(0, 1), "", ""), new Handler(this, _sender));
        await _to.StartAsync(new PeerIdentity("test", new MemberId(1, 1), "", ""), new Handler(this, _receiver));
        await _from.ConnectAsync(new MemberId(1, 1), _to.Address);
    }

    public async ValueTask DisposeAsync()
    {
        _mayTakeLong.TrySetResult();
        await _from.DisposeAsync();
        await _to.DisposeAsync();
    }

    [Fact]
    public async Task Messages_keep_their_order_though_long_ones_take_another_link()
    {
        var sending = new List<Task>();
        foreach (var (topic, length) in ((int, int)[])[(1, 10), (2, Long), (3, 10), (4, Long), (5, 0), (6, Long - 1)])
            sending.Add(SendAsync(topic, length));
        Assert.Equal((int[])[1], await ReadAsync(1));
        _mayTakeLong.SetResult();
        Assert.Equal((int[])[2, 3, 4, 5, 6], await ReadAsync(5));
        await Task.WhenAll(sending).WaitAsync(Deadline);
        Assert.Equal([2, 4], _taken.Where(taken => taken.Link == LinkKind.Weights).Select(taken => taken.Topic));
    }

    [Fact]
    public async Task Of_a_long_message_that_is_cancelled_nothing_is_waited_for()
    {
        using var cancel = new CancellationTokenSource();
        var first = SendAsync(1, Long); // has the link
        var second = SendAsync(2, Long, cancel.Token);
        var third = SendAsync(3, 10);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second.WaitAsync(Deadline));
        _mayTakeLong.SetResult();
        Assert.Equal((int[])[1, 3], await ReadAsync(2));
        await Task.WhenAll(first, third).WaitAsync(Deadline);
    }

    [Fact]
    public async Task A_connection_that_ends_keeps_no_message_waiting_for_a_long_one()
    {
        var first = SendAsync(1, Long);
        await SendAsync(2, 10);
        _hub.Drop(0, 1);
        _mayTakeLong.SetResult();
        Assert.Equal((int[])[2], await ReadAsync(1));
        await Assert.ThrowsAsync<ElasticEpException>(() => first.WaitAsync(Deadline));
    }

    [Theory]
    [InlineData(LinkKind.Control, 0, 1, 0)] // a long one on the control link
    [InlineData(LinkKind.Control, 1, 0, 0)] // a mark of nothing
    [InlineData(LinkKind.Control, 1, 1, 5)] // a mark with bytes
    [InlineData(LinkKind.Control, 2, 1, 0)]
    [InlineData(LinkKind.Weights, 0, 0, 5)] // a short one on the weights link
    [InlineData(LinkKind.Weights, 1, 1, 0)]
    [InlineData(LinkKind.Weights, 2, 1, 5)]
    public void A_frame_that_does_not_fit_its_link_breaks_the_protocol(LinkKind link, ushort flags, long number, int length)
    {
        var header = new FrameHeader { Operation = FrameOperation.App, Flags = flags, Offset = number, MetadataLength = length };
        var refused = Assert.Throws<ElasticEpException>(() => _receiver.OnFrame(new MemberId(0, 1), link, header, EpBuffer.From(new byte[length])));
        Assert.Equal((ElasticEpErrorCode.ProtocolViolation, (int?)0), (refused.Code, refused.Rank));
    }

    private Task SendAsync(int topic, int length, CancellationToken cancellationToken = default) => _sender.SendAsync(new MemberId(1, 1), topic, new byte[length], cancellationToken).AsTask();

    private async Task<int[]> ReadAsync(int count)
    {
        using var deadline = new CancellationTokenSource(Deadline);
        var topics = new List<int>();
        await foreach (var message in _receiver.ReadAllAsync(deadline.Token))
        {
            topics.Add(message.Topic);
            if (topics.Count == count)
                break;
        }

        return [.. topics];
    }

    /// <summary>Gives a messenger its frames; those of the weights link wait.</summary>
    private sealed class Handler(LongMessageTests test, GroupMessenger messenger) : ITransportHandler
    {
        public void OnConnected(PeerIdentity peer) => messenger.OnConnected(peer);

        public void OnDisconnected(PeerIdentity peer, DisconnectReason reason, string detail) => messenger.OnDisconnected(peer.Id);

        public async ValueTask<FrameTarget> OnFrameAsync(PeerIdentity peer, LinkKind link, FrameInfo frame, CancellationToken cancellationToken)
        {
            if (link == LinkKind.Weights)
                await test._mayTakeLong.Task.WaitAsync(cancellationToken);
            return ControlFrames.Accept(FrameHeader.Read(frame));
        }

        public void OnFrameCompleted(PeerIdentity peer, LinkKind link, in FrameInfo frame, in FrameTarget target)
        {
            var header = FrameHeader.Read(frame);
            if (header.MetadataLength > 0)
            {
                lock (test._taken)
                    test._taken.Add((link, (int)header.Id));
            }

            messenger.OnFrame(peer.Id, link, header, target.Metadata);
        }

        public void OnFrameAborted(PeerIdentity peer, LinkKind link, in FrameInfo frame, in FrameTarget target)
        {
        }
    }
}
