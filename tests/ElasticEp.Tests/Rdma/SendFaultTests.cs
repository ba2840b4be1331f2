using ElasticEp.TestKit;
using ElasticEp.Transport;
using ElasticEp.Transports.Rdma.Connections;
using ElasticEp.Transports.Rdma.Links;
using ElasticEp.Transports.Rdma.Wire;
using Microsoft.Extensions.Time.Testing;

namespace ElasticEp.Tests.Rdma;

/// <summary>Sends that meet a receiver that stands still or lies, or memory that cannot be read: each ends, and what it used is used once.</summary>
public sealed class SendFaultTests : IAsyncLifetime
{
    private const int Large = 1 << 20;

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);
    private static readonly MemberId MemberA = new(0, 1);
    private static readonly MemberId MemberB = new(1, 1);

    private readonly List<RdmaTransport> _transports = [];
    private readonly RecordingHandler _handlerA = new();
    private readonly RecordingHandler _handlerB = new();
    private readonly TaskCompletionSource<FrameTarget> _answer = new(); // of B, about every frame
    private readonly CancellationTokenSource _cancel = new();

    public ValueTask InitializeAsync() => default;

    public async ValueTask DisposeAsync()
    {
        _cancel.Dispose();
        foreach (var transport in _transports)
            await transport.DisposeAsync().AsTask().WaitAsync(Deadline);
        Assert.Empty(_handlerA.Violations);
        Assert.Empty(_handlerB.Violations);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_cancelled_send_ends_though_its_receiver_stands_still_before_it_fetches(bool isApart)
    {
        var time = new FakeTimeProvider();
        var (a, b) = await PairAsync(time: time, isApart: isApart);
        _handlerB.OnFrame = (_, _, _) => new(_answer.Task);
        var sending = SendAsync(a, MemberB, EpBuffer.From(new byte[Large]));
        await _handlerB.NextAskedAsync();
        using (var holdsB = new ManualResetEventSlim())
        {
            Task heldB;
            using (var holdsA = new ManualResetEventSlim())
            {
                var heldA = await HoldAsync(LinkOf(a, MemberB), holdsA);
                await LinkOf(b, MemberA).Worker.CallAsync(() => _answer.SetResult(FrameTarget.Deliver(default, EpBuffer.From(new byte[Large])))).WaitAsync(Deadline);
                await ProgressAsync(LinkOf(b, MemberA)); // it has told A to send the rest
                heldB = await HoldAsync(LinkOf(b, MemberA), holdsB);
                holdsA.Set();
                await heldA;
            }

            await ProgressAsync(LinkOf(a, MemberB)); // and A has offered it
            await _cancel.CancelAsync();
            using var deadline = new CancellationTokenSource(Deadline);
            while (!sending.IsCompleted && !deadline.IsCancellationRequested)
            {
                time.Advance(TimeSpan.FromSeconds(1));
                await Task.Yield();
            }

            Assert.True(sending.IsCompleted);
            Assert.Equal(ElasticEpErrorCode.PeerLost, (await Assert.ThrowsAsync<ElasticEpException>(() => sending)).Code);
            Assert.Equal("down 1/1 Reset", await _handlerA.NextConnectionAsync());
            Assert.Contains("has not fetched it", Assert.Single(_handlerA.Details), StringComparison.Ordinal);
            holdsB.Set();
            await heldB;
        }

        Assert.StartsWith("down 0/1", await _handlerB.NextConnectionAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_frame_that_is_cleared_before_it_was_sent_ends_the_connection(bool isDiscarded)
    {
        var (a, _) = await PairAsync();
        var link = LinkOf(a, MemberB);
        await using var rogue = new RogueWorker(UcxPath.SharedMemory.Options());
        await rogue.SendAsync(link.Worker, Clear(UInt128.MaxValue), 0, isRendezvous: false); // the way is there afterwards
        await rogue.IdleAsync();
        await ProgressAsync(link);

        using var holds = new ManualResetEventSlim();
        var held = await HoldAsync(link, holds);
        var sending = SendAsync(a, MemberB, EpBuffer.From(new byte[Large]));
        await rogue.SendAsync(link.Worker, Clear(link.Offer.Token, isDiscarded), 0, isRendezvous: false);
        await rogue.IdleAsync();
        holds.Set();
        await held;

        Assert.Equal("down 1/1 ProtocolError", await _handlerA.NextConnectionAsync());
        Assert.Equal(ElasticEpErrorCode.PeerLost, (await Assert.ThrowsAsync<ElasticEpException>(() => sending)).Code);
        Assert.Equal("down 0/1 ProtocolError", await _handlerB.NextConnectionAsync());
        Assert.Equal(["up 0/1", "down 0/1 ProtocolError"], _handlerB.Log);
    }

    [Fact]
    public async Task A_cancelled_send_whose_rest_cannot_be_copied_ends_its_link()
    {
        var (a, _) = await PairAsync();
        _handlerB.OnFrame = (_, _, cancellationToken) => new(_answer.Task.WaitAsync(cancellationToken));
        var unreadable = new UnpinnableMemory(Large);
        var sending = SendAsync(a, MemberB, EpBuffer.From(unreadable.Memory));
        await _handlerB.NextAskedAsync();
        unreadable.FailsAtRead = true;
        await _cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending);
        Assert.Equal("down 1/1 Reset", await _handlerA.NextConnectionAsync());
        Assert.Contains("cannot be copied", Assert.Single(_handlerA.Details), StringComparison.Ordinal);
        Assert.Equal("down 0/1 Reset", await _handlerB.NextConnectionAsync());
    }

    [Fact]
    public async Task A_send_whose_memory_cannot_be_read_fails_alone()
    {
        var (a, _) = await PairAsync();
        var unreadable = new UnpinnableMemory(100);
        var rows = EpBuffer.From(unreadable.Memory);
        unreadable.FailsAtRead = true;
        for (var attempt = 0; attempt < 3; attempt++)
            await Assert.ThrowsAsync<InvalidOperationException>(() => SendAsync(a, MemberB, rows));
        unreadable.FailsAtRead = false;
        await SendAsync(a, MemberB, rows);
        Assert.Equal(100, (await _handlerB.NextFrameAsync()).Header.RowsLength);
    }

    /// <summary>The worker is shared: it has no end by which UCX would let go.</summary>
    [Fact]
    public async Task A_connection_ends_while_its_peer_takes_nothing_of_two_windows_of_the_largest_eager_frames()
    {
        var left = new EventLog(4215);
        var (a, b) = await PairAsync(left, isApart: false, eagerLimit: LinkLimits.MaxEagerLimit);
        var links = a.Find(MemberB)!.Links;
        using (var holds = new ManualResetEventSlim())
        {
            var held = await HoldAsync(LinkOf(b, MemberA), holds);
            var sending = SendAsync(a, MemberB, EpBuffer.From(new byte[Large]));
            await using var clearing = new RogueWorker(a.Options); // so that UCX is at work on the large frame
            await clearing.SendAsync(links[0].Worker, Clear(links[0].Offer.Token), 0, isRendezvous: false);
            await clearing.IdleAsync();
            await ProgressAsync(links[0]);
            for (var frame = 0; frame < a.Options.FramesInFlight - 1; frame++)
            {
                foreach (var kind in (LinkKind[])[LinkKind.Data, LinkKind.Weights])
                    await SendAsync(a, MemberB, EpBuffer.From(new byte[LinkLimits.MaxEagerLimit]), kind);
            }

            a.Abort(MemberB, DisconnectReason.Aborted, "it does not answer");
            Assert.Equal("down 1/1 Aborted", await _handlerA.NextConnectionAsync());
            await Assert.ThrowsAsync<ElasticEpException>(() => sending);
            Assert.Equal(0, left.Count);
            Assert.All(links, link => Assert.True(link.Released.IsCompletedSuccessfully));
            holds.Set();
            await held;
        }

        Assert.StartsWith("down 0/1", await _handlerB.NextConnectionAsync(), StringComparison.Ordinal);
    }

    /// <summary>Has the thread of a link stand still until it may go on.</summary>
    private static async Task<Task> HoldAsync(RdmaLink link, ManualResetEventSlim until)
    {
        var holds = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var held = link.Worker.CallAsync(() =>
        {
            holds.SetResult();
            until.Wait(Deadline);
        });
        await holds.Task.WaitAsync(Deadline);
        return held;
    }

    /// <summary>Between two calls there is a round of progress.</summary>
    private static async Task ProgressAsync(RdmaLink link)
    {
        for (var call = 0; call < 3; call++)
            await link.Worker.CallAsync(() => { }).WaitAsync(Deadline);
    }

    private static byte[] Clear(UInt128 token, bool isDiscarded = false)
    {
        var bytes = new byte[MessageHeader.Size];
        new MessageHeader(MessageKind.Clear, token, 0) { IsDiscarded = isDiscarded }.Write(bytes);
        return bytes;
    }

    private static RdmaLink LinkOf(RdmaTransport transport, MemberId peer) => transport.Find(peer)!.Links[0];

    private Task SendAsync(RdmaTransport transport, MemberId peer, EpBuffer rows, LinkKind kind = LinkKind.Data) =>
        transport.SendAsync(peer, kind, SuiteFrame.Head(1), default, new[] { rows }, _cancel.Token).AsTask().WaitAsync(Deadline);

    private async Task<(RdmaTransport A, RdmaTransport B)> PairAsync(EventLog? log = null, TimeProvider? time = null, bool isApart = true, int? eagerLimit = null)
    {
        var options = UcxPath.SharedMemory.Options();
        options.EagerLimit = eagerLimit ?? options.EagerLimit;
        var a = UcxPath.SharedMemory.Create(options: options, loggers: log, time: time, isApart: isApart).Rdma;
        var b = UcxPath.SharedMemory.Create(options: options, isApart: isApart).Rdma;
        _transports.AddRange(a, b);
        await a.StartAsync(new PeerIdentity("test", MemberA, "", ""), _handlerA, TestContext.Current.CancellationToken);
        await b.StartAsync(new PeerIdentity("test", MemberB, "", ""), _handlerB, TestContext.Current.CancellationToken);
        await a.ConnectAsync(MemberB, b.Address).AsTask().WaitAsync(Deadline);
        await _handlerA.NextConnectionAsync();
        await _handlerB.NextConnectionAsync();
        return (a, b);
    }
}
