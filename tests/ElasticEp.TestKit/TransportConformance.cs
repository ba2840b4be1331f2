using ElasticEp.Transport;

namespace ElasticEp.TestKit;

/// <summary>What every transport must do. A transport's test class inherits it.</summary>
public abstract class TransportConformance : IAsyncLifetime
{
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    private readonly List<ITransport> _transports = [];

    /// <summary>A transport that is not started.</summary>
    protected abstract ITransport Create();

    /// <summary>Breaks the connection of two peers as a fault would.</summary>
    protected abstract void Lose(int a, int b);

    public ValueTask InitializeAsync() => default;

    public async ValueTask DisposeAsync()
    {
        foreach (var transport in _transports)
            await transport.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Frames_of_one_link_arrive_whole_and_in_order()
    {
        var (a, _, _, receiver) = await PairAsync();
        var payloads = Enumerable.Range(0, 300).Select(i => Bytes(i * 37 % 5000)).ToArray();
        for (var i = 0; i < payloads.Length; i++)
            await SendAsync(a, 1, LinkKind.Data, i, payloads[i]);
        for (var i = 0; i < payloads.Length; i++)
        {
            var (header, payload) = await receiver.NextFrameAsync();
            Assert.Equal(i, header.Step);
            Assert.Equal(payloads[i], payload);
        }

        Assert.Equal(0, receiver.OpenDeliveries);
    }

    [Fact]
    public async Task A_payload_of_8_MiB_in_several_segments_arrives_as_one()
    {
        var (a, _, _, receiver) = await PairAsync();
        var bytes = Bytes(8 << 20);
        EpBuffer[] segments = [EpBuffer.From(bytes.AsMemory(0, 1)), EpBuffer.From(bytes.AsMemory(1, 4_000_001)), EpBuffer.From(bytes.AsMemory(4_000_002))];
        await a.SendAsync(1, LinkKind.Weights, Header(7, bytes.Length), segments).AsTask().WaitAsync(Deadline);
        Assert.Equal(bytes, (await receiver.NextFrameAsync()).Payload);
    }

    [Fact]
    public async Task A_pending_answer_holds_its_own_link_only()
    {
        var (a, _, _, receiver) = await PairAsync();
        var gate = new TaskCompletionSource<FrameTarget>(TaskCreationOptions.RunContinuationsAsynchronously);
        receiver.OnFrame = (link, header, _) => link == LinkKind.Data
            ? new ValueTask<FrameTarget>(gate.Task)
            : new ValueTask<FrameTarget>(FrameTarget.Deliver(EpBuffer.From(new byte[header.PayloadLength])));
        var held = SendAsync(a, 1, LinkKind.Data, 1, Bytes(100));
        await SendAsync(a, 1, LinkKind.Control, 2, Bytes(10));
        Assert.Equal(2, (await receiver.NextFrameAsync()).Header.Step);
        gate.SetResult(FrameTarget.Deliver(EpBuffer.From(new byte[100])));
        Assert.Equal(1, (await receiver.NextFrameAsync()).Header.Step);
        await held.WaitAsync(Deadline);
    }

    [Fact]
    public async Task A_discarded_frame_is_gone_and_the_next_one_comes()
    {
        var (a, _, _, receiver) = await PairAsync();
        receiver.OnFrame = (_, header, _) => new ValueTask<FrameTarget>(header.Step == 1 ? FrameTarget.Discard : FrameTarget.Deliver(EpBuffer.From(new byte[header.PayloadLength])));
        await SendAsync(a, 1, LinkKind.Data, 1, Bytes(1000));
        await SendAsync(a, 1, LinkKind.Data, 2, Bytes(10));
        Assert.Equal(2, (await receiver.NextFrameAsync()).Header.Step);
    }

    [Fact]
    public async Task Many_senders_on_one_link_lose_nothing()
    {
        var (a, _, _, receiver) = await PairAsync();
        await Task.WhenAll(Enumerable.Range(0, 16).Select(sender => Task.Run(async () =>
        {
            for (var i = 0; i < 50; i++)
                await SendAsync(a, 1, LinkKind.Control, (sender * 1000) + i, Bytes(i));
        })));
        var seen = new HashSet<long>();
        for (var i = 0; i < 800; i++)
            Assert.True(seen.Add((await receiver.NextFrameAsync()).Header.Step));
        foreach (var sender in seen.GroupBy(step => step / 1000))
            Assert.Equal(50, sender.Count());
    }

    [Fact]
    public async Task A_callback_may_answer_at_once()
    {
        var (a, b, sender, receiver) = await PairAsync();
        receiver.OnCompleted = header => _ = SendAsync(b, 0, LinkKind.Control, header.Step + 100, Bytes(5));
        for (var i = 0; i < 50; i++)
            await SendAsync(a, 1, LinkKind.Control, i, Bytes(5));
        var answers = new HashSet<long>();
        for (var i = 0; i < 50; i++)
            answers.Add((await sender.NextFrameAsync()).Header.Step);
        Assert.Equal(50, answers.Count);
    }

    [Fact]
    public async Task Both_ends_connecting_at_once_get_one_connection()
    {
        for (var round = 0; round < 20; round++)
        {
            var (a, handlerA) = await StartAsync(0, 1 + round);
            var (b, handlerB) = await StartAsync(1, 1 + round);
            await Task.WhenAll(a.ConnectAsync(1, b.Address).AsTask(), b.ConnectAsync(0, a.Address).AsTask()).WaitAsync(Deadline);
            await SendAsync(a, 1, LinkKind.Data, 1, Bytes(3));
            await handlerB.NextFrameAsync();
            Assert.Equal([$"up 0/{1 + round}", "frame 1"], handlerB.Log);
            Assert.Equal([$"up 1/{1 + round}"], handlerA.Log);
        }
    }

    [Fact]
    public async Task A_lost_connection_is_told_once_to_both_and_before_the_next_one()
    {
        var (a, b, handlerA, handlerB) = await PairAsync();
        for (var round = 0; round < 50; round++)
        {
            Lose(0, 1);
            Assert.Equal("down 1/1 Reset", await handlerA.NextConnectionAsync());
            await a.ConnectAsync(1, b.Address).AsTask().WaitAsync(Deadline);
            Assert.Equal("up 1/1", await handlerA.NextConnectionAsync());
            Assert.Equal("down 0/1 Reset", await handlerB.NextConnectionAsync());
            Assert.Equal("up 0/1", await handlerB.NextConnectionAsync());
        }
    }

    [Fact]
    public async Task A_connection_lost_under_a_held_frame_fails_the_send_and_frees_the_receiver()
    {
        var (a, _, handlerA, handlerB) = await PairAsync();
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        handlerB.OnFrame = async (_, _, token) =>
        {
            using var registration = token.Register(() => cancelled.TrySetResult());
            await Task.Delay(Timeout.InfiniteTimeSpan, token);
            return FrameTarget.Discard;
        };
        var held = SendAsync(a, 1, LinkKind.Data, 1, Bytes(100));
        var waiting = SendAsync(a, 1, LinkKind.Data, 2, Bytes(100));
        Lose(0, 1);
        await cancelled.Task.WaitAsync(Deadline);
        Assert.Equal(ElasticEpErrorCode.PeerLost, (await Assert.ThrowsAsync<ElasticEpException>(() => held.WaitAsync(Deadline))).Code);
        Assert.Equal(ElasticEpErrorCode.PeerLost, (await Assert.ThrowsAsync<ElasticEpException>(() => waiting.WaitAsync(Deadline))).Code);
        Assert.Equal("down 1/1 Reset", await handlerA.NextConnectionAsync());
        Assert.Equal(0, handlerB.OpenDeliveries);
        Assert.Equal(ElasticEpErrorCode.PeerLost, (await Assert.ThrowsAsync<ElasticEpException>(() => SendAsync(a, 1, LinkKind.Data, 3, Bytes(1)))).Code);
    }

    [Fact]
    public async Task A_handler_that_finds_a_violation_closes_that_connection_alone()
    {
        var (a, handlerA) = await StartAsync(0);
        var (b, handlerB) = await StartAsync(1);
        var (c, handlerC) = await StartAsync(2);
        await ConnectAsync(a, b, handlerA, handlerB, 1);
        await ConnectAsync(c, b, handlerC, handlerB, 1);
        handlerB.OnFrame = (_, header, _) => header.Step == 13
            ? throw new ElasticEpException(ElasticEpErrorCode.ProtocolViolation, "step 13")
            : new ValueTask<FrameTarget>(FrameTarget.Deliver(EpBuffer.From(new byte[header.PayloadLength])));
        await Assert.ThrowsAsync<ElasticEpException>(() => SendAsync(a, 1, LinkKind.Data, 13, Bytes(1)));
        Assert.Equal("down 1/1 ProtocolError", await handlerA.NextConnectionAsync());
        await SendAsync(c, 1, LinkKind.Data, 14, Bytes(1));
        Assert.Equal(14, (await handlerB.NextFrameAsync()).Header.Step);
    }

    [Fact]
    public async Task A_newer_incarnation_replaces_the_connection_of_the_older()
    {
        var (_, b, _, handlerB) = await PairAsync();
        var (newer, _) = await StartAsync(0, incarnation: 2);
        await newer.ConnectAsync(1, b.Address).AsTask().WaitAsync(Deadline);
        Assert.Equal("down 0/1 Replaced", await handlerB.NextConnectionAsync());
        Assert.Equal("up 0/2", await handlerB.NextConnectionAsync());
        var (older, _) = await StartAsync(0, incarnation: 1);
        var refused = await Assert.ThrowsAsync<ElasticEpException>(() => older.ConnectAsync(1, b.Address).AsTask().WaitAsync(Deadline));
        Assert.Equal(ElasticEpErrorCode.Incompatible, refused.Code);
    }

    [Fact]
    public async Task Strangers_are_refused_with_both_values()
    {
        var (b, _) = await StartAsync(1);
        await RefusedAsync(await StartAsync(0, layout: "rows=Float32;hidden=32"), b, 1, "hidden=32", "hidden=16");
        await RefusedAsync(await StartAsync(0, group: "other"), b, 1, "'other'", "'test'");
        await RefusedAsync(await StartAsync(0), b, 5, "peer 5", "peer 1");
    }

    [Fact]
    public async Task Nobody_at_the_address_is_a_lost_peer()
    {
        var (a, _) = await StartAsync(0);
        var (b, _) = await StartAsync(1);
        var address = b.Address;
        await b.DisposeAsync();
        Assert.Equal(ElasticEpErrorCode.PeerLost, (await Assert.ThrowsAsync<ElasticEpException>(() => a.ConnectAsync(1, address).AsTask().WaitAsync(Deadline))).Code);
    }

    [Fact]
    public async Task Goodbye_is_told_as_such()
    {
        var (a, _, _, handlerB) = await PairAsync();
        await a.DisconnectAsync(1).AsTask().WaitAsync(Deadline);
        Assert.Equal("down 0/1 Goodbye", await handlerB.NextConnectionAsync());
        await a.DisconnectAsync(1).AsTask().WaitAsync(Deadline); // nothing happens
    }

    private static async Task RefusedAsync((ITransport Transport, RecordingHandler Handler) stranger, ITransport target, int expectedPeer, params string[] words)
    {
        var error = await Assert.ThrowsAsync<ElasticEpException>(() => stranger.Transport.ConnectAsync(expectedPeer, target.Address).AsTask().WaitAsync(Deadline));
        Assert.Equal(ElasticEpErrorCode.Incompatible, error.Code);
        Assert.All(words, word => Assert.Contains(word, error.Message, StringComparison.Ordinal));
        Assert.Empty(stranger.Handler.Log);
    }

    private static async Task ConnectAsync(ITransport a, ITransport b, RecordingHandler handlerA, RecordingHandler handlerB, int peerOfB)
    {
        await a.ConnectAsync(peerOfB, b.Address).AsTask().WaitAsync(Deadline);
        await handlerA.NextConnectionAsync();
        await handlerB.NextConnectionAsync();
    }

    private static FrameHeader Header(long step, long length) => new() { Operation = FrameOperation.Dispatch, Epoch = 1, Step = step, PayloadLength = length };

    private static Task SendAsync(ITransport transport, int peer, LinkKind link, long step, byte[] bytes)
    {
        ReadOnlyMemory<EpBuffer> segments = bytes.Length == 0 ? default : new[] { EpBuffer.From(bytes.AsMemory()) };
        return transport.SendAsync(peer, link, Header(step, bytes.Length), segments).AsTask();
    }

    private static byte[] Bytes(int length)
    {
        var bytes = new byte[length];
        for (var i = 0; i < length; i++)
            bytes[i] = (byte)((i * 31) + length);
        return bytes;
    }

    private async Task<(ITransport Transport, RecordingHandler Handler)> StartAsync(int peer, long incarnation = 1, string layout = "rows=Float32;hidden=16", string group = "test")
    {
        var (transport, handler) = (Create(), new RecordingHandler());
        _transports.Add(transport);
        await transport.StartAsync(new PeerIdentity(group, peer, incarnation, "", layout), handler);
        return (transport, handler);
    }

    private async Task<(ITransport A, ITransport B, RecordingHandler HandlerA, RecordingHandler HandlerB)> PairAsync()
    {
        var (a, handlerA) = await StartAsync(0);
        var (b, handlerB) = await StartAsync(1);
        await ConnectAsync(a, b, handlerA, handlerB, 1);
        return (a, b, handlerA, handlerB);
    }
}
