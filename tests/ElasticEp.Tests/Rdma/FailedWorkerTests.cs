using ElasticEp.TestKit;
using ElasticEp.Transport;
using ElasticEp.Transports.Rdma;
using ElasticEp.Transports.Rdma.Connections;
using ElasticEp.Transports.Rdma.Workers;
using Microsoft.Extensions.Time.Testing;

namespace ElasticEp.Tests.Rdma;

/// <summary>What drives UCX and can go on no longer: its links end with a reason, and others take its place.</summary>
public sealed class FailedWorkerTests : IAsyncLifetime
{
    private const int Large = 4 << 20;

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    private readonly List<RdmaTransport> _transports = [];
    private readonly RecordingHandler _handlerA = new();
    private readonly RecordingHandler _handlerB = new();
    private readonly EventLog _failures = new(4216);

    public ValueTask InitializeAsync() => default;

    public async ValueTask DisposeAsync()
    {
        foreach (var transport in _transports)
            await transport.DisposeAsync().AsTask().WaitAsync(Deadline);
        Assert.Empty(_handlerA.Violations);
        Assert.Empty(_handlerB.Violations);
    }

    [Theory]
    [InlineData(UcxPath.SharedMemory)]
    [InlineData(UcxPath.Tcp)]
    public async Task Links_of_a_worker_that_has_failed_end_with_a_reason_and_new_ones_get_a_new_worker(UcxPath path)
    {
        var (a, b) = await PairAsync(path);
        var answer = new TaskCompletionSource<FrameTarget>();
        _handlerB.OnFrame = (_, _, cancellationToken) => new(answer.Task.WaitAsync(cancellationToken));
        var sending = SendAsync(a, 1, 1, Large);
        await _handlerB.NextAskedAsync();

        var failed = WorkerOf(a, 1);
        failed.Fail(new IOException("the device is gone"));
        Assert.Equal(ElasticEpErrorCode.PeerLost, (await Assert.ThrowsAsync<ElasticEpException>(() => sending)).Code);
        Assert.Equal("down 1/1 Reset", await _handlerA.NextConnectionAsync());
        Assert.Contains("the device is gone", Assert.Single(_handlerA.Details), StringComparison.Ordinal);
        Assert.Equal("down 0/1 Reset", await _handlerB.NextConnectionAsync());

        _handlerB.OnFrame = null;
        await ConnectAsync(a, b);
        Assert.NotSame(failed, WorkerOf(a, 1));
        await SendAsync(a, 1, 2, Large);
        Assert.Equal(2, (await _handlerB.NextFrameAsync()).Header.Step);
        await SendAsync(b, 0, 3, 100);
        Assert.Equal(3, (await _handlerA.NextFrameAsync()).Header.Step);
        Assert.Equal(1, _failures.Count);
        Assert.Contains("the device is gone", a.Degradation, StringComparison.Ordinal);
        Assert.Null(b.Degradation);
    }

    [Fact]
    public async Task A_thread_that_has_failed_ends_all_its_links_and_another_takes_its_place()
    {
        var time = new BrokenTime();
        var (a, b) = await PairAsync(UcxPath.SharedMemory, time);
        time.IsBroken = true;
        await SendAsync(b, 0, 1, 100); // wakes it
        Assert.Equal("down 1/1 Reset", await _handlerA.NextConnectionAsync());
        Assert.Contains("the clock is broken", Assert.Single(_handlerA.Details), StringComparison.Ordinal);
        Assert.Equal("down 0/1 Reset", await _handlerB.NextConnectionAsync());
        Assert.Equal(1, _failures.Count);

        time.IsBroken = false;
        await ConnectAsync(a, b);
        await SendAsync(a, 1, 2, Large);
        Assert.Equal(2, (await _handlerB.NextFrameAsync()).Header.Step);
    }

    [Fact]
    public async Task Connections_whose_links_are_on_another_worker_go_on()
    {
        var (a, b) = await PairAsync(UcxPath.SharedMemory);
        var handlerC = new RecordingHandler();
        var c = await StartAsync(UcxPath.SharedMemory.Create().Rdma, 2, handlerC);
        await c.ConnectAsync(new MemberId(0, 1), a.Address).AsTask().WaitAsync(Deadline);
        await _handlerA.NextConnectionAsync();
        await handlerC.NextConnectionAsync();

        WorkerOf(a, 1).Fail(new IOException("the device is gone"));
        Assert.Equal("down 1/1 Reset", await _handlerA.NextConnectionAsync());
        Assert.Equal("down 0/1 Reset", await _handlerB.NextConnectionAsync());
        await SendAsync(a, 2, 1, Large);
        Assert.Equal(1, (await handlerC.NextFrameAsync()).Header.Step);
        await ConnectAsync(a, b);
    }

    [Fact]
    public async Task A_transport_is_degraded_for_ten_minutes_after_its_last_failure()
    {
        var time = new FakeTimeProvider();
        var (a, _) = await PairAsync(UcxPath.SharedMemory, time);
        var failed = WorkerOf(a, 1);
        failed.Fail(new IOException("the device is gone"));
        await failed.CallAsync(() => { }).WaitAsync(Deadline);
        time.Advance(TimeSpan.FromMinutes(9));
        Assert.Contains("the device is gone", a.Degradation, StringComparison.Ordinal);
        time.Advance(TimeSpan.FromMinutes(1));
        Assert.Null(a.Degradation);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_transport_ends_while_its_workers_have_failed(bool isApart)
    {
        var (a, b) = await PairAsync(UcxPath.SharedMemory, isApart: isApart);
        WorkerOf(a, 1).Fail(new IOException("the device is gone"));
        WorkerOf(b, 0).Fail(new IOException("the device is gone"));
        await a.DisposeAsync().AsTask().WaitAsync(Deadline);
        Assert.StartsWith("down 1/1", await _handlerA.NextConnectionAsync(), StringComparison.Ordinal);
    }

    /// <summary>Without access to a peer's memory a frame comes in pieces through the queue, and what is left of it is waited for.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Memory_that_UCX_may_write_into_and_keeps_is_taken_from_it_by_ending_its_worker(bool isApart)
    {
        var time = new FakeTimeProvider();
        var options = new RdmaOptions { Transports = "posix,self" };
        options.Settings["MM_FIFO_SIZE"] = "64";
        var handler = new CountingHandler();
        var a = await StartAsync(UcxPath.SharedMemory.Create(options: options, time: time, loggers: _failures, isApart: isApart).Rdma, 0, handler);
        using var peer = await PeerProcess.StartAsync("posix,self", new MemberId(1, 1), 32 << 20, "MM_FIFO_SIZE=64");
        await a.ConnectAsync(peer.Id, peer.Address).AsTask().WaitAsync(Deadline);
        Assert.Equal($"up {peer.Id}", await handler.NextEventAsync(Deadline));
        using var deadline = new CancellationTokenSource(Deadline);
        var link = a.Find(peer.Id)!.Links[0];
        for (var isStopped = false; !isStopped;)
        {
            deadline.Token.ThrowIfCancellationRequested();
            await link.Worker.CallAsync(() =>
            {
                isStopped = link.Receiver.IsWritten;
                if (isStopped)
                    peer.Stop(); // while nothing more of the frame is taken
            }).WaitAsync(Deadline);
        }

        for (var sent = 0; sent < 2 * a.Options.FramesInFlight; sent++)
            _ = SendAsync(a, 1, sent, 4000, sent % 2 == 0 ? LinkKind.Data : LinkKind.Weights);
        await link.Worker.CallAsync(() => { }).WaitAsync(Deadline);
        a.Abort(peer.Id, DisconnectReason.Aborted, "it does not answer");
        var down = handler.NextEventAsync(Deadline);
        while (!down.IsCompleted && !deadline.IsCancellationRequested)
        {
            time.Advance(TimeSpan.FromSeconds(5));
            await Task.Yield();
        }

        Assert.Equal($"down {peer.Id} Aborted", await down);
        Assert.Equal(0, handler.Open); // it is the handler's again, before that hears of the end
        Assert.Equal(isApart ? 0 : 1, _failures.Count); // others have lost links by it
    }

    private static UcxWorker WorkerOf(RdmaTransport transport, int peer) => transport.Find(new MemberId(peer, 1))!.Links[0].Worker;

    private static Task SendAsync(RdmaTransport transport, int peer, long step, int length, LinkKind link = LinkKind.Data) =>
        transport.SendAsync(new MemberId(peer, 1), link, SuiteFrame.Head(step), default, new[] { EpBuffer.From(new byte[length]) }, TestContext.Current.CancellationToken).AsTask().WaitAsync(Deadline);

    private async Task<(RdmaTransport A, RdmaTransport B)> PairAsync(UcxPath path, TimeProvider? time = null, bool isApart = true)
    {
        var a = await StartAsync(path.Create(loggers: _failures, time: time, isApart: isApart).Rdma, 0, _handlerA);
        var b = await StartAsync(path.Create(isApart: isApart).Rdma, 1, _handlerB);
        await ConnectAsync(a, b);
        return (a, b);
    }

    private async Task<RdmaTransport> StartAsync(RdmaTransport transport, int rank, ITransportHandler handler)
    {
        _transports.Add(transport);
        await transport.StartAsync(new PeerIdentity("test", new MemberId(rank, 1), "", "hidden=16"), handler, TestContext.Current.CancellationToken);
        return transport;
    }

    private async Task ConnectAsync(RdmaTransport a, RdmaTransport b)
    {
        await a.ConnectAsync(new MemberId(1, 1), b.Address).AsTask().WaitAsync(Deadline);
        await _handlerA.NextConnectionAsync();
        await _handlerB.NextConnectionAsync();
    }
}
