using ElasticEp.TestKit;
using ElasticEp.Tests.Tcp;
using ElasticEp.Transport;
using ElasticEp.Transports.Rdma.Wire;

namespace ElasticEp.Tests.Rdma;

/// <summary>A process that stands still with all that a peer may send it in its queue.</summary>
[Collection(nameof(AloneCollection))]
public sealed class StoppedPeerTests
{
    private const int Large = 16 << 20;
    private const int Small = 4000;

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData(UcxPath.SharedMemory, false)]
    [InlineData(UcxPath.SharedMemory, true)]
    [InlineData(UcxPath.Tcp, false)]
    public async Task A_connection_ends_while_its_peer_is_stopped_or_dead_with_two_windows_of_frames_in_its_queue(UcxPath path, bool isKilled)
    {
        var handler = new CountingHandler();
        var transport = path.Create().Rdma;
        await transport.StartAsync(new PeerIdentity("test", new MemberId(0, 1), "", "hidden=16"), handler, TestContext.Current.CancellationToken);
        using var peer = await PeerProcess.StartAsync(path, new MemberId(1, 1), 0, TestContext.Current.CancellationToken).WaitAsync(Deadline);
        await transport.ConnectAsync(peer.Id, peer.Address, TestContext.Current.CancellationToken).AsTask().WaitAsync(Deadline);
        await handler.NextEventAsync(Deadline);
        await peer.StopAsync();

        List<Task> sending = [Send(LinkKind.Data, Large)];
        var link = transport.Find(peer.Id)!.Links[0];
        await using var clearing = new RogueWorker(path.Options()); // so that UCX is at work on the large frame
        var header = new byte[MessageHeader.Size];
        new MessageHeader(MessageKind.Clear, link.Offer.Token, 0).Write(header);
        await clearing.SendAsync(link.Worker, header, 0, isRendezvous: false);
        await clearing.IdleAsync();
        for (var call = 0; call < 2; call++)
            await link.Worker.CallAsync(() => { }).WaitAsync(Deadline); // between two calls there is a round of progress
        for (var frame = 0; frame < transport.Options.FramesInFlight; frame++)
            sending.AddRange(Send(LinkKind.Weights, Small), Send(LinkKind.Data, Small)); // the last of the data waits for room

        if (isKilled)
            peer.Kill();
        else
            transport.Abort(peer.Id, DisconnectReason.Aborted, "it does not answer");
        Assert.StartsWith($"down {peer.Id}", await handler.NextEventAsync(Deadline), StringComparison.Ordinal);
        foreach (var sent in sending)
            await Record.ExceptionAsync(() => sent.WaitAsync(Deadline));
        Assert.All(sending, sent => Assert.True(sent.IsCompleted));
        await transport.DisposeAsync().AsTask().WaitAsync(Deadline);

        Task Send(LinkKind kind, int length) =>
            transport.SendAsync(peer.Id, kind, SuiteFrame.Head(1), default, new[] { EpBuffer.From(new byte[length]) }, TestContext.Current.CancellationToken).AsTask();
    }
}
