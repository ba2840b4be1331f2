using ElasticEp.TestKit;
using ElasticEp.Tests.Tcp;
using ElasticEp.Transport;
using ElasticEp.Transports.Rdma;
using ElasticEp.Transports.Rdma.Connections;
using ElasticEp.Transports.Rdma.Links;
using ElasticEp.Transports.Tcp;
using ElasticEp.Transports.Tcp.Transport;
using Microsoft.Extensions.Logging.Abstractions;

namespace ElasticEp.Tests.Rdma;

/// <summary>
/// What goes over UCX while a connection is set up. UCX makes an endpoint for what comes where there is none, and UCX 1.13 ends the process when the
/// answer to that is still on its way as the connection breaks.
/// </summary>
public sealed class SetUpOrderTests
{
    private static readonly TimeSpan Deadline = RdmaPair.Deadline;

    [Theory]
    [InlineData(UcxPath.SharedMemory)]
    [InlineData(UcxPath.Tcp)]
    public async Task Nothing_is_sent_before_both_ends_have_their_endpoints(UcxPath path)
    {
        var (b, control) = Held(path, SetupKind.Counts);
        await using var pair = await RdmaPair.StartAsync(path.Create().Rdma, b);
        var connecting = pair.A.ConnectAsync(RdmaPair.IdB, b.Address).AsTask();
        await control.Held.Task.WaitAsync(Deadline); // B makes no endpoints
        foreach (var link in await LinksAsync(pair.A, RdmaPair.IdB))
            await link.Reached.WaitAsync(Deadline);
        var links = await LinksAsync(b, RdmaPair.IdA);
        for (var round = 0; round < 20; round++)
        {
            await RdmaPair.ProgressAsync(pair.LinkA.Worker);
            foreach (var link in links)
                await link.Worker.CallAsync(() => Assert.False(link.IsGreeted)).WaitAsync(Deadline);
        }

        Assert.False(connecting.IsCompleted);
        control.Release();
        await connecting.WaitAsync(Deadline);
        await pair.HandlerB.NextConnectionAsync();
        await pair.SendAsync(100_000);
        Assert.Equal(1, (await pair.HandlerB.NextFrameAsync()).Header.Step);
    }

    [Theory]
    [InlineData(UcxPath.SharedMemory, nameof(SetupKind.Counts))]
    [InlineData(UcxPath.SharedMemory, nameof(SetupKind.Reached))]
    [InlineData(UcxPath.SharedMemory, nameof(SetupKind.Up))]
    [InlineData(UcxPath.Tcp, nameof(SetupKind.Counts))]
    [InlineData(UcxPath.Tcp, nameof(SetupKind.Reached))]
    [InlineData(UcxPath.Tcp, nameof(SetupKind.Up))]
    public async Task A_peer_that_is_killed_while_a_connection_is_set_up_is_lost_and_the_next_one_connects(UcxPath path, string killedAt)
    {
        var (transport, control) = Held(path, Enum.Parse<SetupKind>(killedAt));
        await using (transport)
        {
            var handler = new RecordingHandler();
            await transport.StartAsync(new PeerIdentity("test", new MemberId(0, 1), "", "hidden=16"), handler, TestContext.Current.CancellationToken);
            using (var peer = await PeerProcess.StartAsync(path.Options().Transports!, new MemberId(1, 1), 0))
            {
                var connecting = transport.ConnectAsync(peer.Id, peer.Address).AsTask();
                await control.Held.Task.WaitAsync(Deadline);
                peer.Kill();
                await Assert.ThrowsAnyAsync<ElasticEpException>(() => connecting.WaitAsync(Deadline));
            }

            control.Release();
            using var next = await PeerProcess.StartAsync(path.Options().Transports!, new MemberId(1, 2), 0);
            await transport.ConnectAsync(next.Id, next.Address).AsTask().WaitAsync(Deadline);
            Assert.Equal("up 1/2", await handler.NextConnectionAsync());
            await transport.SendAsync(next.Id, LinkKind.Data, SuiteFrame.Head(1), default, new[] { EpBuffer.From(new byte[100_000]) }, TestContext.Current.CancellationToken).AsTask().WaitAsync(Deadline);
        }
    }

    private static (RdmaTransport Transport, HeldControl Control) Held(UcxPath path, SetupKind kind)
    {
        Assert.SkipUnless(UcxLibrary.IsSupported, UcxLibrary.NotSupportedReason);
        var tcp = new TcpTransport(new TcpOptions { HandshakeTimeout = Deadline }, TimeProvider.System, NullLoggerFactory.Instance);
        var control = new HeldControl(tcp, kind);
        return (new RdmaTransport(control, path.Options(), TimeProvider.System, NullLoggerFactory.Instance), control);
    }

    /// <summary>As soon as they are made.</summary>
    private static async Task<IReadOnlyList<RdmaLink>> LinksAsync(RdmaTransport transport, MemberId peer)
    {
        using var deadline = new CancellationTokenSource(Deadline);
        while (transport.Find(peer) is not { Links.Count: 2 })
        {
            deadline.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }

        return transport.Find(peer)!.Links;
    }
}
