using ElasticEp.TestKit;
using ElasticEp.Transport;

namespace ElasticEp.Tests.Transport;

public sealed class InProcessTransportTests : TransportConformance
{
    private readonly InProcessTransportHub _hub = new();

    private readonly List<InProcessTransport> _transports = [];

    protected override ITransport Create() => CreateAt(null);

    protected override ITransport CreateAt(string? address)
    {
        var transport = new InProcessTransport(_hub, address);
        _transports.Add(transport);
        return transport;
    }

    protected override void Lose(MemberId a, MemberId b) => _hub.Drop(a.Rank, b.Rank);

    protected override Task KillAsync(MemberId peer)
    {
        _transports.Single(transport => transport.Self?.Id == peer && !transport.IsGone).Kill();
        return Task.CompletedTask;
    }

    [Fact]
    public async Task Addresses_are_numbered()
    {
        var (a, _) = await StartAsync(0);
        var (b, _) = await StartAsync(1);
        Assert.Equal(("inproc:1", "inproc:2"), (a.Address, b.Address));
    }

    [Fact]
    public async Task A_frame_that_is_answered_at_once_is_sent_without_allocating()
    {
        var (a, b) = (Create(), Create());
        var memory = new byte[1 << 16];
        await a.StartAsync(new PeerIdentity("test", Id(0), "", ""), new Sink(memory), TestContext.Current.CancellationToken);
        await b.StartAsync(new PeerIdentity("test", Id(1), "", ""), new Sink(memory), TestContext.Current.CancellationToken);
        await a.ConnectAsync(Id(1), b.Address, TestContext.Current.CancellationToken);
        using var cancel = new CancellationTokenSource();
        Assert.Equal(0, await AllocatedAsync(a, cancel.Token));
        await a.DisposeAsync();
        await b.DisposeAsync();

        static async Task<long> AllocatedAsync(ITransport transport, CancellationToken token)
        {
            var (described, segments) = (new[] { EpBuffer.From(new byte[100]) }, new[] { EpBuffer.From(new byte[1 << 15]), EpBuffer.From(new byte[1 << 15]) });
            var before = 0L;
            for (var i = 0; i < 2000; i++)
            {
                if (i == 1000)
                    before = GC.GetAllocatedBytesForCurrentThread();
                var send = transport.SendAsync(Id(1), LinkKind.Data, SuiteFrame.Head(i), described, segments, token);
                Assert.True(send.IsCompletedSuccessfully);
                await send;
            }

            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    [Fact]
    public async Task A_cancelled_send_returns_although_the_answer_is_pending_and_its_frame_arrives()
    {
        var (a, _, _, receiver) = await PairAsync();
        var gate = new TaskCompletionSource<FrameTarget>(TaskCreationOptions.RunContinuationsAsynchronously);
        receiver.OnFrame = (_, header, _) => header.Step == 1 ? new ValueTask<FrameTarget>(gate.Task) : new ValueTask<FrameTarget>(RecordingHandler.Deliver(header));
        using var cancel = new CancellationTokenSource();
        var bytes = Bytes(1000);
        var held = SendAsync(a, 1, LinkKind.Data, 1, bytes, cancel.Token);
        var next = SendAsync(a, 1, LinkKind.Data, 2, Bytes(5));
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => held.WaitAsync(Deadline, TestContext.Current.CancellationToken));
        bytes.AsSpan().Clear();
        Assert.False(next.IsCompleted);
        gate.SetResult(FrameTarget.Deliver(default, EpBuffer.From(new byte[1000])));
        Assert.Equal(Bytes(1000), (await receiver.NextFrameAsync()).Payload);
        Assert.Equal(2, (await receiver.NextFrameAsync()).Header.Step);
        await next.WaitAsync(Deadline, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Memory_that_does_not_fit_is_given_back_and_ends_the_connection()
    {
        var (a, _, handlerA, handlerB) = await PairAsync();
        handlerB.OnFrame = (_, _, _) => new ValueTask<FrameTarget>(FrameTarget.Deliver(default, EpBuffer.From(new byte[9])));
        await AssertLostAsync(SendAsync(a, 1, LinkKind.Data, 1, Bytes(10)));
        Assert.Equal("down 1/1 Reset", await handlerA.NextConnectionAsync());
        Assert.Equal("down 0/1 Reset", await handlerB.NextConnectionAsync());
        Assert.Equal(1, handlerB.Aborted);
    }

    [Fact]
    public async Task A_handler_that_fails_otherwise_is_a_reset_and_not_the_senders_error()
    {
        var (a, _, handlerA, handlerB) = await PairAsync();
        handlerB.OnFrame = (_, _, _) => throw new InvalidOperationException("a bug");
        var lost = await Assert.ThrowsAsync<ElasticEpException>(() => SendAsync(a, 1, LinkKind.Data, 1, Bytes(10)));
        Assert.Equal(ElasticEpErrorCode.PeerLost, lost.Code);
        Assert.Contains("a bug", lost.Message, StringComparison.Ordinal);
        Assert.Equal("down 1/1 Reset", await handlerA.NextConnectionAsync());
        Assert.Equal("down 0/1 Reset", await handlerB.NextConnectionAsync());
    }

    [Fact]
    public async Task A_second_process_with_the_same_incarnation_is_refused()
    {
        var (_, b, _, handlerB) = await PairAsync();
        var (twin, _) = await StartAsync(0);
        var refused = await Assert.ThrowsAsync<ElasticEpException>(() => twin.ConnectAsync(Id(1), b.Address, TestContext.Current.CancellationToken).AsTask());
        Assert.Equal(ElasticEpErrorCode.Incompatible, refused.Code);
        Assert.Equal(["up 0/1"], handlerB.Log);
    }

    private sealed class Sink(byte[] memory) : ITransportHandler
    {
        private readonly byte[] _metadata = new byte[100];

        public void OnConnected(PeerIdentity peer)
        {
        }

        public void OnDisconnected(PeerIdentity peer, DisconnectReason reason, string detail)
        {
        }

        public ValueTask<FrameTarget> OnFrameAsync(PeerIdentity peer, LinkKind link, FrameInfo frame, CancellationToken cancellationToken) =>
            new(FrameTarget.Deliver(EpBuffer.From(_metadata), EpBuffer.From(memory)));

        public void OnFrameCompleted(PeerIdentity peer, LinkKind link, in FrameInfo frame, in FrameTarget target)
        {
        }

        public void OnFrameAborted(PeerIdentity peer, LinkKind link, in FrameInfo frame, in FrameTarget target)
        {
        }
    }
}
