using ElasticEp.TestKit;
using ElasticEp.Transport;
using ElasticEp.Transports.Rdma.Connections;
using ElasticEp.Transports.Rdma.Links;
using ElasticEp.Transports.Rdma.Wire;
using Microsoft.Extensions.Time.Testing;

namespace ElasticEp.Tests.Rdma;

/// <summary>What a peer, a caller or a handler does wrong at the worst moment: nothing hangs, and no memory is touched by who does not have it.</summary>
public sealed class RdmaFaultTests : IAsyncLifetime
{
    private const int Large = 1 << 20;

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    private readonly List<RdmaTransport> _transports = [];
    private readonly RecordingHandler _handlerA = new();
    private readonly RecordingHandler _handlerB = new();
    private readonly TaskCompletionSource<FrameTarget> _answer = new(); // of B, about the first frame

    public ValueTask InitializeAsync() => default;

    public async ValueTask DisposeAsync()
    {
        foreach (var transport in _transports)
            await transport.DisposeAsync().AsTask().WaitAsync(Deadline);
        Assert.Empty(_handlerA.Violations);
        Assert.Empty(_handlerB.Violations);
    }

    [Fact]
    public async Task Memory_that_a_caller_has_back_is_not_sent_when_the_receiver_answers_late()
    {
        var (a, b) = await PairAsync();
        _handlerB.OnFrame = (_, _, _) => new(_answer.Task);
        using var isHeld = new ManualResetEventSlim();
        using var holds = new ManualResetEventSlim();
        _handlerA.OnFrame = async (link, frame, cancellationToken) =>
        {
            if (link == LinkKind.Data)
                await HoldTheEndAsync(cancellationToken);
            return RecordingHandler.Deliver(frame);
        };
        await SendAsync(b, 0, LinkKind.Data, 1, new byte[100]);
        await _handlerA.NextAskedAsync();
        var sending = SendAsync(a, 1, LinkKind.Data, 2, new byte[Large]);
        await _handlerB.NextAskedAsync();

        Of(a, 1).End(DisconnectReason.Aborted, "as the control transport says"); // what B does not know
        Assert.Equal(ElasticEpErrorCode.PeerLost, (await Assert.ThrowsAsync<ElasticEpException>(() => sending)).Code);
        Assert.True(isHeld.Wait(Deadline, TestContext.Current.CancellationToken));
        _answer.SetResult(FrameTarget.Deliver(default, EpBuffer.From(new byte[Large])));
        await b.Workers[0].CallAsync(() => { }).WaitAsync(Deadline); // the answer is out
        await SendAsync(b, 0, LinkKind.Weights, 3, new byte[100]);
        await _handlerA.NextFrameAsync(); // it came after the answer, by the same queue
        holds.Set();

        Assert.Equal("down 1/1 Aborted", await _handlerA.NextConnectionAsync());
        b.Abort(new MemberId(0, 1), DisconnectReason.Aborted, "the test is over");
        Assert.Equal("down 0/1 Aborted", await _handlerB.NextConnectionAsync());
        Assert.Equal(["up 0/1", "aborted 2", "down 0/1 Aborted"], _handlerB.Log);

        async Task HoldTheEndAsync(CancellationToken closed)
        {
            var ended = new TaskCompletionSource();
            using var registration = closed.Register(() =>
            {
                isHeld.Set();
                holds.Wait(Deadline);
                ended.SetResult();
            });
            await ended.Task;
        }
    }

    [Theory]
    [InlineData(long.MaxValue - 10)]
    [InlineData(Large - 999)]
    public async Task A_piece_beyond_the_end_of_its_frame_ends_the_connection(long position)
    {
        var (a, b) = await PairAsync();
        _handlerB.OnFrame = (_, _, _) => new(_answer.Task);
        var sending = SendAsync(a, 1, LinkKind.Data, 1, new byte[Large]);
        await _handlerB.NextAskedAsync();
        using var gate = new ManualResetEventSlim();
        var blocked = a.Workers[0].CallAsync(() => gate.Wait(Deadline)); // its own pieces must not come
        _answer.SetResult(FrameTarget.Deliver(default, EpBuffer.From(new byte[Large])));
        await b.Workers[0].CallAsync(() => { }).WaitAsync(Deadline);
        await using var rogue = new RogueWorker(UcxPath.SharedMemory.Options());
        var link = Of(b, 0).Links[0];
        await rogue.SendAsync(link.Worker, Message(link.Offer.Token, MessageKind.Piece, 0, position), 1000, isRendezvous: true);
        Assert.Equal("down 0/1 ProtocolError", await _handlerB.NextConnectionAsync());
        Assert.Equal(1, _handlerB.Aborted);
        gate.Set();
        await blocked;
        await Assert.ThrowsAsync<ElasticEpException>(() => sending);
        Assert.Equal("down 1/1 ProtocolError", await _handlerA.NextConnectionAsync());
    }

    [Fact]
    public async Task A_frame_that_is_said_to_be_taken_before_its_rest_was_asked_for_ends_the_connection()
    {
        var (a, _) = await PairAsync();
        _handlerB.OnFrame = (_, _, cancellationToken) => new(_answer.Task.WaitAsync(cancellationToken));
        var sending = SendAsync(a, 1, LinkKind.Data, 1, new byte[Large]);
        await _handlerB.NextAskedAsync();
        await using var rogue = new RogueWorker(UcxPath.SharedMemory.Options());
        var link = Of(a, 1).Links[0];
        await rogue.SendAsync(link.Worker, Message(link.Offer.Token, MessageKind.Credit, 1), 0, isRendezvous: false);
        Assert.Equal("down 1/1 ProtocolError", await _handlerA.NextConnectionAsync());
        await Assert.ThrowsAsync<ElasticEpException>(() => sending);
        Assert.Equal("down 0/1 ProtocolError", await _handlerB.NextConnectionAsync());
    }

    [Fact]
    public async Task Nothing_is_delivered_after_a_violation()
    {
        var (_, b) = await PairAsync();
        await using var rogue = new RogueWorker(UcxPath.SharedMemory.Options());
        var link = Of(b, 0).Links[0];
        await rogue.SendAsync(link.Worker, Message(link.Offer.Token, (MessageKind)77, 0), 0, isRendezvous: false);
        var frame = new byte[MessageHeader.FrameSize];
        MessageHeader.Write(frame, link.Offer.Token, 0, new FrameInfo(SuiteFrame.Head(13), 0, 10));
        await rogue.SendAsync(link.Worker, frame, 10, isRendezvous: false);
        Assert.Equal("down 0/1 ProtocolError", await _handlerB.NextConnectionAsync());
        Assert.Equal(["up 0/1", "down 0/1 ProtocolError"], _handlerB.Log);
        Assert.Equal("down 1/1 ProtocolError", await _handlerA.NextConnectionAsync());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Memory_that_cannot_be_pinned_ends_the_connection(bool isSenders)
    {
        var (a, _) = await PairAsync();
        var memory = EpBuffer.From(new UnpinnableMemory(Large).Memory);
        if (!isSenders)
            _handlerB.OnFrame = (_, _, _) => new(FrameTarget.Deliver(default, memory));
        var lost = await Record.ExceptionAsync(() => SendAsync(a, 1, LinkKind.Data, 1, isSenders ? memory : EpBuffer.From(new byte[Large])));
        if (isSenders)
            Assert.Equal(ElasticEpErrorCode.PeerLost, Assert.IsType<ElasticEpException>(lost).Code); // who refuses to receive lets its sender go on
        Assert.Equal("down 1/1 Reset", await _handlerA.NextConnectionAsync());
        Assert.Equal("down 0/1 Reset", await _handlerB.NextConnectionAsync());
        Assert.Equal(1, _handlerB.Aborted);
    }

    [Fact]
    public async Task Memory_whose_pin_cannot_be_undone_does_not_end_the_process()
    {
        var (a, _) = await PairAsync();
        await SendAsync(a, 1, LinkKind.Data, 1, EpBuffer.From(new UnpinnableMemory(Large, failsAtUnpin: true).Memory));
        Assert.Equal(1, (await _handlerB.NextFrameAsync()).Header.Step);
    }

    [Fact]
    public async Task A_log_that_fails_does_not_end_the_process()
    {
        var log = new EventLog(4201, fails: true);
        var (a, b) = await PairAsync(log);
        await using var rogue = new RogueWorker(UcxPath.SharedMemory.Options());
        await rogue.SendAsync(b.Workers[0], Message(UInt128.MaxValue, MessageKind.Hello, 0), 0, isRendezvous: false);
        await log.WaitForAsync(1).WaitAsync(Deadline);
        await SendAsync(a, 1, LinkKind.Data, 1, new byte[100]);
        Assert.Equal(1, (await _handlerB.NextFrameAsync()).Header.Step);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_connection_that_cannot_end_is_logged_and_ends_when_it_can(bool logFails)
    {
        var (log, time) = (new EventLog(4214, logFails), new FakeTimeProvider());
        var (a, _) = await PairAsync(log, time);
        _handlerB.OnFrame = (_, _, _) => new(_answer.Task); // and does not look at the token
        await SendAsync(a, 1, LinkKind.Data, 1, new byte[100]);
        await _handlerB.NextAskedAsync();
        a.Abort(new MemberId(1, 1), DisconnectReason.Aborted, "the test says so");
        Assert.Equal("down 1/1 Aborted", await _handlerA.NextConnectionAsync());
        var reported = log.WaitForAsync(1);
        using var deadline = new CancellationTokenSource(Deadline);
        while (!reported.IsCompleted && !deadline.IsCancellationRequested)
        {
            time.Advance(TimeSpan.FromSeconds(10)); // the other end may not have heard yet
            await Task.Yield();
        }

        Assert.True(reported.IsCompletedSuccessfully);
        Assert.Equal(["up 0/1"], _handlerB.Log);
        _answer.SetResult(FrameTarget.Discard);
        Assert.StartsWith("down 0/1", await _handlerB.NextConnectionAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(17)]
    [InlineData(long.MaxValue)]
    public async Task A_peer_cannot_have_endpoints_made_without_end(long count)
    {
        var (a, b) = await PairAsync();
        var link = new RdmaLink(Of(b, 0).Links[0].Worker, LinkKind.Data, new LinkLimits(1, 0), Of(b, 0));
        var known = await link.CountEndpointsAsync(Of(a, 1).Links[0].Offer);
        var refused = await Assert.ThrowsAsync<ElasticEpException>(() => link.OpenAsync(Of(a, 1).Links[0].Offer, count == long.MaxValue ? count : known + count).WaitAsync(Deadline));
        Assert.Equal(ElasticEpErrorCode.ProtocolViolation, refused.Code);
        Assert.Equal(known, await link.CountEndpointsAsync(Of(a, 1).Links[0].Offer));
    }

    private static byte[] Message(UInt128 token, MessageKind kind, long sequence, long position = 0)
    {
        var bytes = new byte[MessageHeader.Size];
        new MessageHeader(kind, token, sequence) { Position = position }.Write(bytes);
        return bytes;
    }

    private static RdmaConnection Of(RdmaTransport transport, int peer) => transport.Find(new MemberId(peer, 1))!;

    private static Task SendAsync(RdmaTransport transport, int peer, LinkKind link, long step, byte[] rows) => SendAsync(transport, peer, link, step, EpBuffer.From(rows));

    private static Task SendAsync(RdmaTransport transport, int peer, LinkKind link, long step, EpBuffer rows) =>
        transport.SendAsync(new MemberId(peer, 1), link, SuiteFrame.Head(step), default, new[] { rows }, TestContext.Current.CancellationToken).AsTask().WaitAsync(Deadline);

    private async Task<(RdmaTransport A, RdmaTransport B)> PairAsync(EventLog? log = null, TimeProvider? time = null)
    {
        var (a, b) = (UcxPath.SharedMemory.Create().Rdma, UcxPath.SharedMemory.Create(loggers: log, time: time).Rdma);
        _transports.AddRange(a, b);
        await a.StartAsync(new PeerIdentity("test", new MemberId(0, 1), "", ""), _handlerA, TestContext.Current.CancellationToken);
        await b.StartAsync(new PeerIdentity("test", new MemberId(1, 1), "", ""), _handlerB, TestContext.Current.CancellationToken);
        await a.ConnectAsync(new MemberId(1, 1), b.Address).AsTask().WaitAsync(Deadline);
        await _handlerA.NextConnectionAsync();
        await _handlerB.NextConnectionAsync();
        return (a, b);
    }
}
