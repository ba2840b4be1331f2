using ElasticEp.Transport;

namespace ElasticEp.TestKit;

public abstract partial class TransportConformance
{
    [Fact]
    public async Task An_abort_does_not_wait_for_a_receiver_that_does_not_read()
    {
        var (a, b, handlerA, handlerB) = await PairAsync();
        handlerB.OnFrame = HoldAsync;
        var flood = FloodAsync(a, 1);
        await handlerB.NextAskedAsync();
        var waiting = FloodAsync(a, 1);
        a.Abort(Id(1), DisconnectReason.Aborted, "rank 1 is too slow");
        await AssertLostAsync(SendAsync(a, 1, LinkKind.Control, 1, Bytes(1)));
        await AssertLostAsync(flood);
        await AssertLostAsync(waiting);
        Assert.Equal("down 1/1 Aborted", await handlerA.NextConnectionAsync());
        Assert.Equal(["rank 1 is too slow"], handlerA.Details);
        Assert.Equal("down 0/1 Reset", await handlerB.NextConnectionAsync());
        Assert.Equal(["up 0/1", "down 0/1 Reset"], handlerB.Log);

        handlerB.OnFrame = null;
        await ConnectAsync(a, b, handlerA, handlerB, Id(1));
        await SendAsync(a, 1, LinkKind.Data, 2, Bytes(1));
        Assert.Equal(2, (await handlerB.NextFrameAsync()).Header.Step);
    }

    [Fact]
    public async Task However_often_a_connection_is_cut_its_end_is_reported_once()
    {
        var (a, b, handlerA, handlerB) = await PairAsync();
        for (var round = 0; round < 50; round++)
        {
            await Task.WhenAll(
                Task.Run(() => a.Abort(Id(1), DisconnectReason.Aborted, "cut")),
                Task.Run(() => a.Abort(Id(1), DisconnectReason.ProtocolError, "cut")),
                Task.Run(() => b.Abort(Id(0), DisconnectReason.Aborted, "cut")),
                Task.Run(async () => await a.DisconnectAsync(Id(1)))).WaitAsync(Deadline);
            Assert.StartsWith("down 1/1 ", await handlerA.NextConnectionAsync(), StringComparison.Ordinal);
            Assert.StartsWith("down 0/1 ", await handlerB.NextConnectionAsync(), StringComparison.Ordinal);
            await ConnectAsync(a, b, handlerA, handlerB, Id(1));
        }

        Assert.Equal((101, 101), (handlerA.Log.Count, handlerB.Log.Count));
    }

    [Fact]
    public async Task Cutting_a_connection_that_is_not_there_does_nothing()
    {
        var (a, _, handlerA, handlerB) = await PairAsync();
        a.Abort(Id(1, 2), DisconnectReason.Aborted, "another incarnation");
        a.Abort(Id(7), DisconnectReason.Aborted, "a stranger");
        await SendAsync(a, 1, LinkKind.Data, 1, Bytes(1));
        Assert.Equal(1, (await handlerB.NextFrameAsync()).Header.Step);
        Assert.Equal(["up 1/1"], handlerA.Log);
    }
}
