using ElasticEp.TestKit;
using ElasticEp.Tests.Tcp;
using ElasticEp.Transport;
using ElasticEp.Transports.Rdma.Connections;
using ElasticEp.Transports.Rdma.Links;
using ElasticEp.Transports.Rdma.Wire;

namespace ElasticEp.Tests.Rdma;

/// <summary>A process that stands still, or dies so, with all that a peer may send it in its queue.</summary>
[Collection(nameof(AloneCollection))]
public sealed class StoppedPeerTests
{
    private const int Large = 16 << 20;
    private const int Small = 4000;

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    /// <summary>The peer's queue has room for what it was sent.</summary>
    [Theory]
    [InlineData(UcxPath.SharedMemory, false)]
    [InlineData(UcxPath.SharedMemory, true)]
    [InlineData(UcxPath.Tcp, false)]
    [InlineData(UcxPath.Tcp, true)]
    public async Task A_connection_ends_while_its_peer_is_stopped_or_dead_with_two_windows_of_frames_in_its_queue(UcxPath path, bool isKilled)
    {
        var left = new EventLog(4215);
        await using var transport = path.Create(loggers: left).Rdma;
        using var peer = await PeerProcess.StartAsync(path.Options().Transports!, new MemberId(1, 1), 0);
        await EndWhileStoppedAsync(transport, peer, isKilled);
        Assert.Equal(0, left.Count);
        await transport.DisposeAsync().AsTask().WaitAsync(Deadline);
    }

    /// <summary>Closing an endpoint first flushes, and that waits for room: only the end of the worker lets go.</summary>
    [Theory]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    [InlineData(false, true)]
    public async Task A_connection_ends_while_its_peer_is_stopped_or_dead_with_a_queue_that_is_full(bool isApart, bool isKilled)
    {
        var left = new EventLog(4215);
        var options = UcxPath.SharedMemory.Options();
        options.Settings["MM_FIFO_SIZE"] = "64";
        await using var transport = UcxPath.SharedMemory.Create(loggers: left, options: options, isApart: isApart).Rdma;
        using var peer = await PeerProcess.StartAsync("sm", new MemberId(1, 1), 0, "MM_FIFO_SIZE=64");
        var links = await EndWhileStoppedAsync(transport, peer, isKilled);
        Assert.Equal(isApart, links[0].Released.IsCompleted);
        Assert.Equal(isApart ? 0 : 1, left.Count);
        if (!isApart && !isKilled)
        {
            peer.Continue();
            await links[0].Released.WaitAsync(Deadline); // there is room
        }

        await transport.DisposeAsync().AsTask().WaitAsync(Deadline);
        Assert.True(links[0].Released.IsCompleted);
    }

    /// <returns>The links of the connection that has ended.</returns>
    private static async Task<RdmaLink[]> EndWhileStoppedAsync(RdmaTransport transport, PeerProcess peer, bool isKilled)
    {
        var handler = new CountingHandler();
        await transport.StartAsync(new PeerIdentity("test", new MemberId(0, 1), "", "hidden=16"), handler, TestContext.Current.CancellationToken);
        await transport.ConnectAsync(peer.Id, peer.Address, TestContext.Current.CancellationToken).AsTask().WaitAsync(Deadline);
        await handler.NextEventAsync(Deadline);
        peer.Stop();

        List<Task> sending = [Send(LinkKind.Data, Large)];
        RdmaLink[] links = [.. transport.Find(peer.Id)!.Links];
        await using var clearing = new RogueWorker(transport.Options); // so that UCX is at work on the large frame
        var header = new byte[MessageHeader.Size];
        new MessageHeader(MessageKind.Clear, links[0].Offer.Token, 0).Write(header);
        await clearing.SendAsync(links[0].Worker, header, 0, isRendezvous: false);
        await clearing.IdleAsync();
        for (var call = 0; call < 2; call++)
            await links[0].Worker.CallAsync(() => { }).WaitAsync(Deadline); // between two calls there is a round of progress
        for (var frame = 0; frame < transport.Options.FramesInFlight; frame++)
            sending.AddRange(Send(LinkKind.Weights, Small), Send(LinkKind.Data, Small)); // the last of the data waits for room

        if (isKilled)
            peer.Kill();
        else
            transport.Abort(peer.Id, DisconnectReason.Aborted, "it does not answer");
        Assert.Equal($"down {peer.Id} {(isKilled ? DisconnectReason.Reset : DisconnectReason.Aborted)}", await handler.NextEventAsync(Deadline));
        foreach (var sent in sending)
            await Record.ExceptionAsync(() => sent.WaitAsync(Deadline));
        Assert.All(sending, sent => Assert.True(sent.IsCompleted));
        Assert.Equal(ElasticEpErrorCode.PeerLost, (await Assert.ThrowsAsync<ElasticEpException>(() => sending[0])).Code);
        return links;

        Task Send(LinkKind kind, int length) =>
            transport.SendAsync(peer.Id, kind, SuiteFrame.Head(1), default, new[] { EpBuffer.From(new byte[length]) }, TestContext.Current.CancellationToken).AsTask();
    }
}
