using ElasticEp.Transport;

namespace ElasticEp.TestKit;

public abstract partial class TransportConformance
{
    /// <summary>When a process comes back at the address of a killed one.</summary>
    public enum Return
    {
        /// <summary>The peer has not been told yet that the old connection ended.</summary>
        BeforeTheEndIsKnown,

        /// <summary>The peer knows of the end.</summary>
        AfterTheEnd,

        /// <summary>The peer is connecting to the old process again and again.</summary>
        DuringARedial,
    }

    [Fact]
    public async Task Each_end_is_told_all_that_the_other_one_says_of_itself()
    {
        const string Layout = "rows=Float32;hidden=16";
        var (a, handlerA) = await StartAsync(0, layout: Layout, readsVersion: 200);
        var (b, handlerB) = await StartAsync(1, incarnation: 3, layout: Layout, readsVersion: 201);
        var (seenByA, seenByB) = (new TaskCompletionSource<PeerIdentity>(), new TaskCompletionSource<PeerIdentity>());
        (handlerA.OnUp, handlerB.OnUp) = (seenByA.SetResult, seenByB.SetResult);
        await ConnectAsync(a, b, handlerA, handlerB, Id(1, 3));
        Assert.Equal(new PeerIdentity("test", Id(1, 3), b.Address, Layout) { ReadsVersion = 201 }, (await seenByA.Task.WaitAsync(Deadline)) with { Address = b.Address });
        Assert.Equal(new PeerIdentity("test", Id(0), a.Address, Layout) { ReadsVersion = 200 }, (await seenByB.Task.WaitAsync(Deadline)) with { Address = a.Address });
    }

    [Theory]
    [InlineData(1, ElasticEpErrorCode.PeerReplaced)] // it has ended
    [InlineData(3, ElasticEpErrorCode.PeerLost)] // it is not there yet
    public async Task Connecting_to_another_incarnation_is_refused_with_both_named(long wanted, ElasticEpErrorCode code)
    {
        var (a, handlerA) = await StartAsync(0);
        var (b, handlerB) = await StartAsync(1, incarnation: 2);
        await AssertRefusedAsync(code, a.ConnectAsync(Id(1, wanted), b.Address).AsTask(), $"rank 1 (incarnation {wanted})", "rank 1 (incarnation 2)");
        Assert.Empty(handlerA.Log);
        Assert.Empty(handlerB.Log);
        await ConnectAsync(a, b, handlerA, handlerB, Id(1, 2));
    }

    [Fact]
    public async Task Two_incarnations_of_one_rank_are_connected_side_by_side()
    {
        var (old, b, handlerOld, handlerB) = await PairAsync();
        var (newer, handlerNewer) = await StartAsync(0, incarnation: 2);
        await ConnectAsync(newer, b, handlerNewer, handlerB, Id(1));
        await SendAsync(old, 1, LinkKind.Data, 1, Bytes(10));
        Assert.Equal(1, (await handlerB.NextFrameAsync()).Header.Step);
        await SendAsync(newer, 1, LinkKind.Data, 2, Bytes(10));
        Assert.Equal(2, (await handlerB.NextFrameAsync()).Header.Step);
        await SendAsync(b, Id(0, 1), LinkKind.Data, 3, Bytes(10));
        Assert.Equal(3, (await handlerOld.NextFrameAsync()).Header.Step);
        await SendAsync(b, Id(0, 2), LinkKind.Data, 4, Bytes(10));
        Assert.Equal(4, (await handlerNewer.NextFrameAsync()).Header.Step);

        await old.DisposeAsync().AsTask().WaitAsync(Deadline);
        Assert.Equal("down 0/1 Goodbye", await handlerB.NextConnectionAsync());
        await AssertLostAsync(SendAsync(b, Id(0, 1), LinkKind.Data, 5, Bytes(10)));
        await SendAsync(b, Id(0, 2), LinkKind.Data, 6, Bytes(10));
        Assert.Equal(6, (await handlerNewer.NextFrameAsync()).Header.Step);
        Assert.Equal(["up 0/1", "up 0/2", "frame 1", "frame 2", "down 0/1 Goodbye"], handlerB.Log);
    }

    [Fact]
    public async Task An_older_incarnation_may_connect_after_a_newer_one()
    {
        var (newer, handlerNewer) = await StartAsync(0, incarnation: 2);
        var (b, handlerB) = await StartAsync(1);
        await ConnectAsync(newer, b, handlerNewer, handlerB, Id(1));
        var (old, handlerOld) = await StartAsync(0, incarnation: 1);
        await ConnectAsync(old, b, handlerOld, handlerB, Id(1));
        Assert.Equal(["up 0/2", "up 0/1"], handlerB.Log);
    }

    [Theory]
    [InlineData(Return.BeforeTheEndIsKnown)]
    [InlineData(Return.AfterTheEnd)]
    [InlineData(Return.DuringARedial)]
    public async Task A_process_that_comes_back_at_its_address_is_never_taken_for_the_old_one(Return when)
    {
        var (a, b, handlerA, handlerB) = await PairAsync();
        var address = b.Address;
        var mayEnd = new ManualResetEventSlim(when != Return.BeforeTheEndIsKnown);
        handlerA.OnDown = _ => mayEnd.Wait(Deadline);
        var redial = when == Return.DuringARedial ? Task.Run(() => ConnectUntilRefusedAsync(a, Id(1), address)) : null;
        await KillAsync(Id(1));
        Forget(handlerB);
        if (when == Return.AfterTheEnd)
            Assert.Equal("down 1/1 Reset", await handlerA.NextConnectionAsync());
        var (successor, handlerSuccessor) = await StartAsync(1, incarnation: 2, transport: CreateAt(address));

        await AssertRefusedAsync(ElasticEpErrorCode.PeerReplaced, redial ?? ConnectUntilRefusedAsync(a, Id(1), address), "rank 1 (incarnation 1)", "rank 1 (incarnation 2)");
        await a.ConnectAsync(Id(1, 2), successor.Address).AsTask().WaitAsync(Deadline);
        await AssertLostAsync(SendAsync(a, Id(1, 1), LinkKind.Data, 1, Bytes(5)));
        await SendAsync(a, Id(1, 2), LinkKind.Data, 2, Bytes(5));
        Assert.Equal(2, (await handlerSuccessor.NextFrameAsync()).Header.Step);
        await SendAsync(successor, 0, LinkKind.Data, 3, Bytes(5));
        Assert.Equal(3, (await handlerA.NextFrameAsync()).Header.Step);
        mayEnd.Set();
        Assert.Single(handlerA.Log, "up 1/2");
        Assert.Equal(["up 0/1", "frame 2"], handlerSuccessor.Log);
    }

    /// <summary>As a driver does that does not know yet that the process is gone; returns at the first error that no further attempt can mend.</summary>
    private static async Task ConnectUntilRefusedAsync(ITransport transport, MemberId peer, string address)
    {
        while (true)
        {
            try
            {
                await transport.ConnectAsync(peer, address);
            }
            catch (ElasticEpException exception) when (exception.Code is ElasticEpErrorCode.PeerLost or ElasticEpErrorCode.ConnectionRefused)
            {
                // nobody is there at the moment
            }

            await Task.Yield();
        }
    }

    private static async Task AssertRefusedAsync(ElasticEpErrorCode code, Task call, params string[] words)
    {
        var refused = await Assert.ThrowsAsync<ElasticEpException>(() => call.WaitAsync(Deadline));
        Assert.Equal(code, refused.Code);
        Assert.Equal(1, refused.Rank);
        Assert.All(words, word => Assert.Contains(word, refused.Message, StringComparison.Ordinal));
    }
}
