using ElasticEp.Transport;

namespace ElasticEp.TestKit;

public abstract partial class TransportConformance
{
    [Fact]
    public async Task Both_ends_connecting_at_once_get_one_connection()
    {
        for (var round = 0; round < 20; round++)
        {
            var (a, handlerA) = await StartAsync(0, 1 + round);
            var (b, handlerB) = await StartAsync(1, 1 + round);
            await Task.WhenAll(Task.Run(async () => await a.ConnectAsync(Id(1, 1 + round), b.Address)), Task.Run(async () => await b.ConnectAsync(Id(0, 1 + round), a.Address))).WaitAsync(Deadline);
            await SendAsync(a, Id(1, 1 + round), LinkKind.Data, 1, Bytes(3));
            await handlerB.NextFrameAsync();
            Assert.Equal([$"up 0/{1 + round}", "frame 1"], handlerB.Log);
            Assert.Equal([$"up 1/{1 + round}"], handlerA.Log);
        }
    }

    [Fact]
    public async Task A_mesh_of_peers_connects_all_at_once()
    {
        var peers = new List<(ITransport Transport, RecordingHandler Handler)>();
        for (var peer = 0; peer < 6; peer++)
            peers.Add(await StartAsync(peer));
        await Task.WhenAll(
            from mine in peers
            from other in Enumerable.Range(0, 6)
            where peers[other] != mine
            select Task.Run(async () => await mine.Transport.ConnectAsync(Id(other), peers[other].Transport.Address))).WaitAsync(Deadline);
        for (var peer = 0; peer < 6; peer++)
        {
            var ups = new List<string>();
            for (var other = 0; other < 5; other++)
                ups.Add(await peers[peer].Handler.NextConnectionAsync());
            Assert.Equal(Enumerable.Range(0, 6).Where(other => other != peer).Select(other => $"up {other}/1"), ups.Order(StringComparer.Ordinal));
        }
    }

    [Fact]
    public async Task Connecting_again_changes_nothing()
    {
        var (a, b, handlerA, handlerB) = await PairAsync();
        await a.ConnectAsync(Id(1), b.Address).AsTask().WaitAsync(Deadline);
        await b.ConnectAsync(Id(0), a.Address).AsTask().WaitAsync(Deadline);
        Assert.Equal(["up 1/1"], handlerA.Log);
        Assert.Equal(["up 0/1"], handlerB.Log);
    }

    [Fact]
    public async Task A_frame_sent_while_connecting_comes_after_the_connection()
    {
        var (a, handlerA) = await StartAsync(0);
        var (b, handlerB) = await StartAsync(1);
        handlerA.OnUp = peer => _ = SendAsync(a, 1, LinkKind.Control, 1, Bytes(4));
        handlerB.OnUp = peer => _ = SendAsync(b, 0, LinkKind.Control, 2, Bytes(4));
        await a.ConnectAsync(Id(1), b.Address).AsTask().WaitAsync(Deadline);
        await handlerB.NextFrameAsync();
        await handlerA.NextFrameAsync();
        Assert.Equal(["up 1/1", "frame 2"], handlerA.Log);
        Assert.Equal(["up 0/1", "frame 1"], handlerB.Log);
    }

    [Fact]
    public async Task Strangers_are_refused_with_both_values()
    {
        var (b, handlerB) = await StartAsync(1);
        await RefusedAsync(await StartAsync(0, layout: "rows=Float32;hidden=32"), b, 1, "hidden=32", "hidden=16");
        await RefusedAsync(await StartAsync(0, layout: "rows=Float32;hidden=16;lanes=2"), b, 1, "lanes=2", "no lanes");
        await RefusedAsync(await StartAsync(0, group: "other"), b, 1, "'other'", "'test'");
        await RefusedAsync(await StartAsync(0), b, 5, "rank 5", "rank 1");
        Assert.Empty(handlerB.Log);
    }

    [Fact]
    public async Task A_layout_error_names_what_differs_and_nothing_else()
    {
        var (b, _) = await StartAsync(1);
        var (a, _) = await StartAsync(0, layout: "rows=Float32;hidden=32");
        var error = await Assert.ThrowsAsync<ElasticEpException>(() => a.ConnectAsync(Id(1), b.Address).AsTask().WaitAsync(Deadline));
        Assert.DoesNotContain("Float32", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nobody_at_the_address_is_a_lost_peer()
    {
        var (a, _) = await StartAsync(0);
        var (b, _) = await StartAsync(1);
        var address = b.Address;
        await b.DisposeAsync();
        await AssertRefusedAsync(a.ConnectAsync(Id(1), address).AsTask());
        await AssertLostAsync(SendAsync(a, 1, LinkKind.Data, 1, Bytes(1)));
    }

    [Fact]
    public async Task Goodbye_is_told_as_such_and_leaves_the_way_open()
    {
        var (a, b, handlerA, handlerB) = await PairAsync();
        await a.DisconnectAsync(Id(1)).AsTask().WaitAsync(Deadline);
        Assert.Equal("down 0/1 Goodbye", await handlerB.NextConnectionAsync());
        Assert.Equal("down 1/1 Goodbye", await handlerA.NextConnectionAsync());
        await a.DisconnectAsync(Id(1)).AsTask().WaitAsync(Deadline); // nothing happens
        await ConnectAsync(a, b, handlerA, handlerB, Id(1));
        await SendAsync(a, 1, LinkKind.Data, 1, Bytes(1));
        Assert.Equal(1, (await handlerB.NextFrameAsync()).Header.Step);
    }

    [Fact]
    public async Task Dispose_says_goodbye_to_all()
    {
        var (a, b, handlerA, handlerB) = await PairAsync();
        var (c, handlerC) = await StartAsync(2);
        await ConnectAsync(a, c, handlerA, handlerC, Id(2));
        await a.DisposeAsync().AsTask().WaitAsync(Deadline);
        Assert.Equal("down 0/1 Goodbye", await handlerB.NextConnectionAsync());
        Assert.Equal("down 0/1 Goodbye", await handlerC.NextConnectionAsync());
        Assert.Equal(0, handlerA.OpenConnections);
        await AssertLostAsync(SendAsync(b, 0, LinkKind.Data, 1, Bytes(1)));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await a.ConnectAsync(Id(1), b.Address));
        await a.DisposeAsync().AsTask().WaitAsync(Deadline);
    }

    private static async Task RefusedAsync((ITransport Transport, RecordingHandler Handler) stranger, ITransport target, int expected, params string[] words)
    {
        var error = await Assert.ThrowsAsync<ElasticEpException>(() => stranger.Transport.ConnectAsync(Id(expected), target.Address).AsTask().WaitAsync(Deadline));
        Assert.Equal(ElasticEpErrorCode.Incompatible, error.Code);
        Assert.All(words, word => Assert.Contains(word, error.Message, StringComparison.Ordinal));
        Assert.Empty(stranger.Handler.Log);
    }
}
