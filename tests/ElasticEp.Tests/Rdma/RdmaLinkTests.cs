using System.Security.Cryptography;
using ElasticEp.TestKit;
using ElasticEp.Tests.Tcp;
using ElasticEp.Transport;
using ElasticEp.Transports.Rdma.Connections;
using ElasticEp.Transports.Rdma.Links;
using ElasticEp.Transports.Rdma.Native;
using ElasticEp.Transports.Rdma.Wire;

namespace ElasticEp.Tests.Rdma;

/// <summary>What is true of links over UCX and of no other transport.</summary>
public sealed class RdmaLinkTests : IAsyncLifetime
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    private readonly List<ITransport> _transports = [];
    private readonly EventLog _strangers = new(4201);

    public ValueTask InitializeAsync() => default;

    public async ValueTask DisposeAsync()
    {
        foreach (var transport in _transports)
            await transport.DisposeAsync().AsTask().WaitAsync(Deadline);
    }

    [Theory]
    [InlineData(UcxPath.SharedMemory)]
    [InlineData(UcxPath.Tcp)]
    public async Task A_peer_whose_data_does_not_go_over_ucx_is_refused_by_name(UcxPath path)
    {
        var (rdma, _) = await StartAsync(path, 0);
        var tcp = TcpLinks.Tcp.Create();
        _transports.Add(tcp);
        await tcp.StartAsync(Self(1), new RecordingHandler(), TestContext.Current.CancellationToken);
        var refused = await Assert.ThrowsAsync<ElasticEpException>(() => rdma.ConnectAsync(new MemberId(1, 1), tcp.Address).AsTask().WaitAsync(Deadline));
        Assert.Equal(ElasticEpErrorCode.Incompatible, refused.Code);
        Assert.Contains("data-links=ucx", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_peer_whose_shared_memory_is_laid_out_otherwise_is_refused_by_name()
    {
        var (a, _) = await StartAsync(UcxPath.SharedMemory, 0);
        var options = UcxPath.SharedMemory.Options();
        options.Settings["MM_FIFO_SIZE"] = "64";
        var b = UcxPath.SharedMemory.Create(options: options).Rdma;
        _transports.Add(b);
        await b.StartAsync(Self(1), new RecordingHandler(), TestContext.Current.CancellationToken);
        var refused = await Assert.ThrowsAsync<ElasticEpException>(() => a.ConnectAsync(new MemberId(1, 1), b.Address).AsTask().WaitAsync(Deadline));
        Assert.Equal(ElasticEpErrorCode.Incompatible, refused.Code);
        Assert.Contains("MM_FIFO_SIZE=64", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(UcxPath.SharedMemory)]
    [InlineData(UcxPath.Tcp)]
    public async Task An_end_that_has_had_fewer_endpoints_catches_up(UcxPath path)
    {
        var ((a, _), (b, handlerB)) = (await StartAsync(path, 0, isApart: false), await StartAsync(path, 1, isApart: false));
        await a.Workers[0].CallAsync(() =>
        {
            for (var i = 0; i < 3; i++)
                a.Workers[0].CreateEndpoint(b.Workers[0].Address, _ => { }).Dispose(); // as of attempts that went no further
        });
        await a.ConnectAsync(new MemberId(1, 1), b.Address).AsTask().WaitAsync(Deadline);
        await SendAsync(a, 1, 100_000);
        Assert.Equal(1, (await handlerB.NextFrameAsync()).Header.Step);
    }

    [Theory]
    [InlineData(UcxPath.SharedMemory)]
    [InlineData(UcxPath.Tcp)]
    public async Task What_carries_no_token_of_a_link_never_reaches_a_sink(UcxPath path)
    {
        var ((a, _), (b, handlerB)) = await PairAsync(path);
        await using var rogue = new RogueWorker(path.Options());
        var sent = 0;
        foreach (var isRendezvous in (bool[])[false, true])
        {
            for (var length = 1; length <= MessageHeader.FrameSize; length++, sent++)
                await rogue.SendAsync(b.Workers[0], RandomNumberGenerator.GetBytes(length), length: 1000, isRendezvous);
        }

        var header = new byte[MessageHeader.FrameSize];
        MessageHeader.Write(header, UInt128.MaxValue, 0, new FrameInfo(SuiteFrame.Head(13), 0, 1000));
        await rogue.SendAsync(b.Workers[0], header, length: 1000, isRendezvous: false);
        await _strangers.WaitForAsync(sent + 1).WaitAsync(Deadline);
        await SendAsync(a, 1, 100);
        Assert.Equal(1, (await handlerB.NextFrameAsync()).Header.Step);
        Assert.Equal(["up 0/1", "frame 1"], handlerB.Log);
    }

    [Theory]
    [InlineData(UcxPath.SharedMemory)]
    [InlineData(UcxPath.Tcp)]
    public async Task Messages_that_break_the_protocol_of_a_link_end_its_connection_alone(UcxPath path)
    {
        var (b, handlerB) = await StartAsync(path, 1);
        var (c, _) = await StartAsync(path, 2);
        await c.ConnectAsync(new MemberId(1, 1), b.Address).AsTask().WaitAsync(Deadline);
        Assert.Equal("up 2/1", await handlerB.NextConnectionAsync());
        foreach (var (header, length, isRendezvous) in Violations())
        {
            var (a, handlerA) = await StartAsync(path, 0, incarnation: _transports.Count);
            await a.ConnectAsync(new MemberId(1, 1), b.Address).AsTask().WaitAsync(Deadline);
            var id = $"0/{_transports.Count - 1}";
            Assert.Equal($"up {id}", await handlerB.NextConnectionAsync());
            Assert.Equal("up 1/1", await handlerA.NextConnectionAsync());
            await using var rogue = new RogueWorker(path.Options());
            var link = b.Find(new MemberId(0, _transports.Count - 1))!.Links[0];
            await rogue.SendAsync(link.Worker, header(link.Offer.Token), length, isRendezvous);
            Assert.Equal($"down {id} ProtocolError", await handlerB.NextConnectionAsync());
            Assert.Equal("down 1/1 ProtocolError", await handlerA.NextConnectionAsync());
        }

        await SendAsync(c, 1, 100_000);
        Assert.Equal(1, (await handlerB.NextFrameAsync()).Header.Step);
        Assert.Empty(handlerB.Violations);
    }

    [Theory]
    [InlineData(UcxPath.SharedMemory)]
    [InlineData(UcxPath.Tcp)]
    public async Task Registered_memory_is_sent_from_and_received_into(UcxPath path)
    {
        var ((a, _), (b, handlerB)) = await PairAsync(path);
        var (sent, received) = (RandomNumberGenerator.GetBytes(3_000_000), new byte[4_000_000]);
        using (a.Register(EpBuffer.From(sent.AsMemory())))
        using (b.Register(EpBuffer.From(received.AsMemory())))
        {
            handlerB.OnFrame = (_, frame, _) => new(FrameTarget.Deliver(default, EpBuffer.From(received.AsMemory(10, (int)frame.RowsLength))));
            var rows = new[] { EpBuffer.From(sent.AsMemory(100, 1_000_000)), EpBuffer.From(sent.AsMemory(2_000_000, 100_000)) };
            await a.SendAsync(new MemberId(1, 1), LinkKind.Data, SuiteFrame.Head(1), default, rows, TestContext.Current.CancellationToken).AsTask().WaitAsync(Deadline);
            await handlerB.NextFrameAsync();
        }

        Assert.Equal(sent.AsSpan(100, 1_000_000), received.AsSpan(10, 1_000_000));
        Assert.Equal(sent.AsSpan(2_000_000, 100_000), received.AsSpan(1_000_010, 100_000));
        a.Register(default).Dispose();
        Assert.Throws<ArgumentException>(() => a.Register(EpBuffer.FromPointer(1, 10, ElementType.Byte, MemoryKind.Device, 0)));
    }

    [Fact]
    public async Task An_endpoint_that_fails_ends_the_connection_once_as_a_reset()
    {
        var ((a, handlerA), (_, handlerB)) = await PairAsync(UcxPath.Tcp);
        var link = a.Find(new MemberId(1, 1))!.Links[0];
        await link.Worker.CallAsync(() =>
        {
            link.OnSent(UcxStatus.Canceled); // as UCX's error callback does
            link.OnSent(UcxStatus.Canceled);
        });
        Assert.Equal("down 1/1 Reset", await handlerA.NextConnectionAsync());
        Assert.Contains("the Data link of rank 1 (incarnation 1)", Assert.Single(handlerA.Details), StringComparison.Ordinal);
        Assert.Equal("down 0/1 Reset", await handlerB.NextConnectionAsync());
    }

    /// <summary>Messages that a peer of good will never sends, with the token that it has.</summary>
    private static IEnumerable<(Func<UInt128, byte[]> Header, int Length, bool IsRendezvous)> Violations()
    {
        yield return (token => Message(token, MessageKind.Piece, 0), 1000, true);
        yield return (token => Message(token, MessageKind.Piece, 0), 1000, false);
        yield return (token => Message(token, MessageKind.Clear, 0), 0, false);
        yield return (token => Message(token, MessageKind.Credit, 1), 0, false);
        yield return (token => Message(token, MessageKind.Credit, 0), 10, false);
        yield return (token => Message(token, (MessageKind)77, 0), 0, false);
        yield return (token => Frame(token, sequence: 1000, metadata: 0, rows: 10), 10, false);
        yield return (token => Frame(token, sequence: 0, metadata: 0, rows: 10), 9, false);
        yield return (token => Frame(token, sequence: 0, metadata: 0, rows: 10), 10, true);
        yield return (token => Frame(token, sequence: 0, metadata: 0, rows: LinkLimits.MaxEagerLimit), LinkLimits.MaxEagerLimit, false);

        static byte[] Message(UInt128 token, MessageKind kind, long sequence)
        {
            var bytes = new byte[MessageHeader.Size];
            new MessageHeader(kind, token, sequence).Write(bytes);
            return bytes;
        }

        static byte[] Frame(UInt128 token, long sequence, int metadata, long rows)
        {
            var bytes = new byte[MessageHeader.FrameSize];
            MessageHeader.Write(bytes, token, sequence, new FrameInfo(SuiteFrame.Head(13), metadata, rows));
            return bytes;
        }
    }

    private async Task<((RdmaTransport Transport, RecordingHandler Handler) A, (RdmaTransport Transport, RecordingHandler Handler) B)> PairAsync(UcxPath path)
    {
        var (a, b) = (await StartAsync(path, 0), await StartAsync(path, 1));
        await a.Transport.ConnectAsync(new MemberId(1, 1), b.Transport.Address).AsTask().WaitAsync(Deadline);
        await a.Handler.NextConnectionAsync();
        await b.Handler.NextConnectionAsync();
        return (a, b);
    }

    private async Task<(RdmaTransport Transport, RecordingHandler Handler)> StartAsync(UcxPath path, int rank, long incarnation = 1, bool isApart = true)
    {
        var (transport, handler) = (path.Create(loggers: _strangers, isApart: isApart).Rdma, new RecordingHandler());
        _transports.Add(transport);
        await transport.StartAsync(Self(rank, incarnation), handler, TestContext.Current.CancellationToken);
        return (transport, handler);
    }

    private static PeerIdentity Self(int rank, long incarnation = 1) => new("test", new MemberId(rank, incarnation), "", "hidden=16");

    private static Task SendAsync(RdmaTransport transport, long step, int length) =>
        transport.SendAsync(new MemberId(1, 1), LinkKind.Data, SuiteFrame.Head(step), default, new[] { EpBuffer.From(new byte[length]) }, TestContext.Current.CancellationToken).AsTask().WaitAsync(Deadline);
}
