using ElasticEp.Transport;

namespace ElasticEp.TestKit;

public abstract partial class TransportConformance
{
    [Fact]
    public async Task A_lost_connection_is_told_once_to_both_and_before_the_next_one()
    {
        var (a, b, handlerA, handlerB) = await PairAsync();
        for (var round = 0; round < 50; round++)
        {
            Lose(Id(0), Id(1));
            Assert.Equal("down 1/1 Reset", await handlerA.NextConnectionAsync());
            await a.ConnectAsync(Id(1), b.Address).AsTask().WaitAsync(Deadline);
            Assert.Equal("up 1/1", await handlerA.NextConnectionAsync());
            Assert.Equal("down 0/1 Reset", await handlerB.NextConnectionAsync());
            Assert.Equal("up 0/1", await handlerB.NextConnectionAsync());
        }
    }

    [Fact]
    public async Task A_connection_lost_before_the_answer_fails_all_senders_and_frees_the_receiver()
    {
        var (a, _, handlerA, handlerB) = await PairAsync();
        handlerB.OnFrame = HoldAsync;
        var flood = FloodAsync(a, 1);
        await handlerB.NextAskedAsync();
        var waiting = FloodAsync(a, 1);
        Lose(Id(0), Id(1));
        await AssertLostAsync(flood);
        await AssertLostAsync(waiting);
        Assert.Equal("down 1/1 Reset", await handlerA.NextConnectionAsync());
        Assert.Equal("down 0/1 Reset", await handlerB.NextConnectionAsync());
        Assert.Equal(["up 0/1", "down 0/1 Reset"], handlerB.Log);
        await AssertLostAsync(SendAsync(a, 1, LinkKind.Data, 3, Bytes(1)));
    }

    [Fact]
    public async Task A_target_named_after_the_loss_is_given_back_before_the_end_is_told()
    {
        var (a, _, _, handlerB) = await PairAsync();
        handlerB.OnFrame = async (_, header, token) =>
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, token).ContinueWith(_ => { }, TaskScheduler.Default); // answers, although it is over
            return RecordingHandler.Deliver(header);
        };
        var flood = FloodAsync(a, 1);
        await handlerB.NextAskedAsync();
        Lose(Id(0), Id(1));
        await AssertLostAsync(flood);
        Assert.Equal("down 0/1 Reset", await handlerB.NextConnectionAsync());
        Assert.Equal(["up 0/1", "aborted 0", "down 0/1 Reset"], handlerB.Log);
    }

    [Fact]
    public async Task A_connection_lost_under_traffic_leaves_every_payload_whole_or_aborted()
    {
        var (a, b, handlerA, handlerB) = await PairAsync();
        for (var round = 0; round < 20; round++)
        {
            var flood = FloodAsync(a, 1, frames: 256);
            await handlerB.NextFrameAsync();
            Lose(Id(0), Id(1));
            try
            {
                await flood.WaitAsync(Deadline);
            }
            catch (ElasticEpException lost)
            {
                Assert.Equal(ElasticEpErrorCode.PeerLost, lost.Code);
            }

            Assert.Equal("down 1/1 Reset", await handlerA.NextConnectionAsync());
            Assert.Equal("down 0/1 Reset", await handlerB.NextConnectionAsync());
            Assert.Equal(0, handlerB.OpenDeliveries);
            await ConnectAsync(a, b, handlerA, handlerB, Id(1));
        }

        await SendAsync(a, 1, LinkKind.Weights, 1000, []);
        for (var (header, payload) = await handlerB.NextFrameAsync(); header.Step != 1000; (header, payload) = await handlerB.NextFrameAsync())
            Assert.Equal(-1, payload.AsSpan().IndexOfAnyExcept((byte)header.Step));
    }

    [Fact]
    public async Task A_killed_peer_is_a_reset_to_the_others_and_its_successor_connects()
    {
        var (a, b, handlerA, handlerB) = await PairAsync();
        handlerA.OnFrame = HoldAsync;
        var fromDead = FloodAsync(b, 0);
        await handlerA.NextAskedAsync();
        var address = b.Address;
        await KillAsync(Id(1));
        Assert.Equal("down 1/1 Reset", await handlerA.NextConnectionAsync());
        await AssertLostAsync(SendAsync(a, 1, LinkKind.Data, 1, Bytes(1)));
        await AssertRefusedAsync(a.ConnectAsync(Id(1), address).AsTask());
        await AssertLostAsync(fromDead);
        Assert.Equal(["up 0/1"], handlerB.Log);
        Forget(handlerB);

        var (successor, handlerSuccessor) = await StartAsync(1, incarnation: 2);
        await ConnectAsync(a, successor, handlerA, handlerSuccessor, Id(1, 2));
        await SendAsync(a, Id(1, 2), LinkKind.Data, 2, Bytes(1));
        Assert.Equal(2, (await handlerSuccessor.NextFrameAsync()).Header.Step);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Dispose_ends_sends_that_wait(bool isSenderDisposed)
    {
        var (a, b, handlerA, handlerB) = await PairAsync();
        handlerB.OnFrame = HoldAsync;
        var floods = Enumerable.Range(0, 4).Select(_ => FloodAsync(a, 1)).ToArray();
        await handlerB.NextAskedAsync();
        await (isSenderDisposed ? a : b).DisposeAsync().AsTask().WaitAsync(Deadline);
        foreach (var flood in floods)
            await AssertLostAsync(flood);
        Assert.Equal("down 1/1 Goodbye", await handlerA.NextConnectionAsync());
        Assert.Equal("down 0/1 Goodbye", await handlerB.NextConnectionAsync());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_handler_that_finds_a_violation_closes_that_connection_alone(bool isFoundAtHeader)
    {
        var (a, handlerA) = await StartAsync(0);
        var (b, handlerB) = await StartAsync(1);
        var (c, handlerC) = await StartAsync(2);
        await ConnectAsync(a, b, handlerA, handlerB, Id(1));
        await ConnectAsync(c, b, handlerC, handlerB, Id(1));
        void Check(SuiteFrame header)
        {
            if (header.Step == 13)
                throw new ElasticEpException(ElasticEpErrorCode.ProtocolViolation, "step 13");
        }

        if (isFoundAtHeader)
        {
            handlerB.OnFrame = (_, header, _) =>
            {
                Check(header);
                return new ValueTask<FrameTarget>(RecordingHandler.Deliver(header));
            };
        }
        else
        {
            handlerB.OnCompleted = Check;
        }

        // whether the sender of the bad frame hears of it in that call is the transport's affair
        await Task.WhenAny(SendAsync(a, 1, LinkKind.Data, 13, Bytes(1))).WaitAsync(Deadline);
        Assert.Equal("down 1/1 ProtocolError", await handlerA.NextConnectionAsync());
        Assert.Equal("down 0/1 ProtocolError", await handlerB.NextConnectionAsync());
        await SendAsync(c, 1, LinkKind.Data, 14, Bytes(1));
        var (next, _) = await handlerB.NextFrameAsync();
        Assert.Equal(14, next.Step == 13 ? (await handlerB.NextFrameAsync()).Header.Step : next.Step);
    }

    /// <summary>Holds a frame until the connection ends, as the contract lets a receiver do.</summary>
    private static async ValueTask<FrameTarget> HoldAsync(LinkKind link, SuiteFrame header, CancellationToken cancellationToken)
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
        return FrameTarget.Discard;
    }
}
