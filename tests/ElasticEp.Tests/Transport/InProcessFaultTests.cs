using ElasticEp.TestKit;
using ElasticEp.Transport;

namespace ElasticEp.Tests.Transport;

/// <summary>The hub's faults, on which cluster tests rest.</summary>
public sealed class InProcessFaultTests : IAsyncLifetime
{
    private static readonly TimeSpan Deadline = TransportConformance.Deadline;

    private readonly InProcessTransportHub _hub = new();
    private readonly List<(ITransport Transport, RecordingHandler Handler)> _peers = [];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        for (var peer = 0; peer < 4; peer++)
        {
            var (transport, handler) = (new InProcessTransport(_hub), new RecordingHandler());
            await transport.StartAsync(new PeerIdentity("test", new MemberId(peer, 1), "", ""), handler);
            _peers.Add((transport, handler));
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var (transport, _) in _peers)
            await transport.DisposeAsync().AsTask().WaitAsync(Deadline);
        foreach (var (_, handler) in _peers)
            handler.AssertQuiet();
    }

    [Fact]
    public async Task A_partition_breaks_the_connection_and_refuses_new_ones_until_healed()
    {
        await ConnectAsync(0, 1);
        await ConnectAsync(0, 2);
        _hub.Partition(1, 0);
        Assert.Equal("down 1/1 Reset", await AfterUpsAsync(0, 2));
        Assert.Equal("down 0/1 Reset", await AfterUpsAsync(1, 1));
        await AssertLostAsync(() => ConnectAsync(0, 1));
        await AssertLostAsync(() => ConnectAsync(1, 0));
        await SendAsync(0, 2, 1);
        Assert.Equal(1, (await _peers[2].Handler.NextFrameAsync()).Header.Step);
        _hub.Heal(0, 1);
        await ConnectAsync(1, 0);
        await SendAsync(0, 1, 2);
        Assert.Equal(2, (await _peers[1].Handler.NextFrameAsync()).Header.Step);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task A_pause_holds_frames_to_and_from_a_peer_in_order(int paused)
    {
        await ConnectAsync(0, 1);
        await ConnectAsync(2, 3);
        _hub.Pause(paused);
        var sends = Enumerable.Range(1, 5).Select(step => SendAsync(0, 1, step)).ToArray();
        await SendAsync(2, 3, 100);
        Assert.All(sends, send => Assert.False(send.IsCompleted));
        Assert.Equal(["up 0/1"], _peers[1].Handler.Log);
        _hub.Resume(paused);
        await Task.WhenAll(sends).WaitAsync(Deadline, Stop);
        Assert.Equal(["up 0/1", "frame 1", "frame 2", "frame 3", "frame 4", "frame 5"], _peers[1].Handler.Log);
    }

    [Fact]
    public async Task A_payload_is_held_too_when_the_pause_comes_after_its_header()
    {
        await ConnectAsync(0, 1);
        var gate = new TaskCompletionSource<FrameTarget>(TaskCreationOptions.RunContinuationsAsynchronously);
        _peers[1].Handler.OnFrame = (_, _, _) => new ValueTask<FrameTarget>(gate.Task);
        var send = SendAsync(0, 1, 1);
        await _peers[1].Handler.NextAskedAsync();
        _hub.Pause(1);
        gate.SetResult(FrameTarget.Deliver(default, EpBuffer.From(new byte[8])));
        _hub.Drop(0, 1);
        await AssertLostAsync(() => send);
        while (await _peers[1].Handler.NextConnectionAsync() != "down 0/1 Reset")
        {
        }

        Assert.Equal(["up 0/1", "aborted 1", "down 0/1 Reset"], _peers[1].Handler.Log);
        _hub.Resume(1);
    }

    [Fact]
    public async Task A_held_send_ends_when_it_is_cancelled_or_its_connection_breaks()
    {
        await ConnectAsync(0, 1);
        _hub.Pause(1);
        using var cancel = new CancellationTokenSource();
        var cancelled = SendAsync(0, 1, 1, cancel.Token);
        var broken = SendAsync(0, 1, 2);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled.WaitAsync(Deadline, Stop));
        _hub.Drop(0, 1);
        await AssertLostAsync(() => broken);
        _hub.Resume(1);
        Assert.DoesNotContain(_peers[1].Handler.Log, entry => entry.StartsWith("frame", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_dispose_that_races_a_connect_leaves_no_connection_behind()
    {
        for (var round = 0; round < 200; round++)
        {
            var (transport, handler) = (new InProcessTransport(_hub), new RecordingHandler());
            await transport.StartAsync(new PeerIdentity("test", new MemberId(9, 1 + round), "", ""), handler, Stop);
            var number = round;
            var connect = Task.Run(async () => await _peers[0].Transport.ConnectAsync(new MemberId(9, 1 + number), transport.Address), Stop);
            await Task.Run(async () => await transport.DisposeAsync(), Stop).WaitAsync(Deadline, Stop);
            await Task.WhenAny(connect).WaitAsync(Deadline, Stop);
            Assert.True(connect.IsCompletedSuccessfully || connect.Exception!.InnerException is ElasticEpException { Code: ElasticEpErrorCode.PeerLost or ElasticEpErrorCode.ConnectionRefused });
            handler.AssertQuiet();
            Assert.Equal(0, _peers[0].Handler.OpenConnections);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Chaos_breaks_no_rule_of_the_contract(int seed)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        var faults = Task.Run(async () =>
        {
            var random = new Random(seed);
            for (var i = 0; i < 500; i++)
            {
                var (a, b) = (random.Next(4), random.Next(4));
                switch (random.Next(6))
                {
                    case 0: _hub.Drop(a, b); break;
                    case 1: _hub.Partition(a, b); break;
                    case 2: _hub.Heal(a, b); break;
                    case 3: _hub.Pause(a); break;
                    case 4: _hub.Resume(a); break;
                    default: await _peers[a].Transport.DisconnectAsync(new MemberId(b, 1), stop.Token); break;
                }

                await Task.Yield();
            }

            await stop.CancelAsync();
        }, Stop);
        await Task.WhenAll([faults, .. from a in Enumerable.Range(0, 4) from b in Enumerable.Range(0, 4) where a != b select Task.Run(() => TalkAsync(a, b, stop.Token), Stop)]).WaitAsync(Deadline, Stop);
        for (var peer = 0; peer < 4; peer++)
            _hub.Resume(peer);
    }

    private async Task TalkAsync(int a, int b, CancellationToken stop)
    {
        for (var step = 0; !stop.IsCancellationRequested; step++)
        {
            try
            {
                await ConnectAsync(a, b, stop);
                await SendAsync(a, b, step, stop);
            }
            catch (Exception exception) when (exception is ElasticEpException { Code: ElasticEpErrorCode.PeerLost or ElasticEpErrorCode.ConnectionRefused } or OperationCanceledException)
            {
                // that is what faults are for
            }

            await Task.Yield(); // the others want to run too
        }
    }

    private static async Task AssertLostAsync(Func<Task> call) =>
        Assert.Equal(ElasticEpErrorCode.PeerLost, (await Assert.ThrowsAsync<ElasticEpException>(() => call().WaitAsync(Deadline, Stop))).Code);

    private async Task<string> AfterUpsAsync(int peer, int ups)
    {
        for (var i = 0; i < ups; i++)
            Assert.StartsWith("up", await _peers[peer].Handler.NextConnectionAsync(), StringComparison.Ordinal);
        return await _peers[peer].Handler.NextConnectionAsync();
    }

    private Task ConnectAsync(int a, int b, CancellationToken cancellationToken = default) =>
        _peers[a].Transport.ConnectAsync(new MemberId(b, 1), _peers[b].Transport.Address, cancellationToken).AsTask().WaitAsync(Deadline, Stop);

    private Task SendAsync(int a, int b, long step, CancellationToken cancellationToken = default) =>
        _peers[a].Transport.SendAsync(new MemberId(b, 1), LinkKind.Data, SuiteFrame.Head(step), default, new[] { EpBuffer.From(new byte[8]) }, cancellationToken).AsTask();
}
