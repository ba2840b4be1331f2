using ElasticEp.Transport;

namespace ElasticEp.TestKit;

/// <summary>
/// What every transport must do. A transport's test class inherits it. At the end of each test all transports are disposed,
/// and every handler must have seen each connection end once and each payload completed or aborted.
/// </summary>
public abstract partial class TransportConformance : IAsyncLifetime
{
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    private const int Mebibyte = 1 << 20;

    private readonly List<(ITransport Transport, RecordingHandler Handler)> _started = [];

    /// <summary>A transport that is not started.</summary>
    protected abstract ITransport Create();

    /// <summary>Breaks the connection of two peers as a fault would: both see a reset.</summary>
    protected virtual void Lose(MemberId a, MemberId b) => Assert.Skip("This transport cannot be made to lose a connection.");

    /// <summary>Ends a peer as a killed process would: without a goodbye, and its handler gets nothing more.</summary>
    protected virtual Task KillAsync(MemberId peer)
    {
        Assert.Skip("An endpoint of this transport cannot be killed.");
        return Task.CompletedTask;
    }

    /// <summary>A transport that is not started, and that will listen where one listened that was killed.</summary>
    protected virtual ITransport CreateAt(string address)
    {
        Assert.Skip("An address of this transport cannot be used again.");
        return Create();
    }

    public virtual ValueTask InitializeAsync() => default;

    public virtual async ValueTask DisposeAsync()
    {
        foreach (var (transport, _) in _started)
            await transport.DisposeAsync().AsTask().WaitAsync(Deadline);
        foreach (var (_, handler) in _started)
            handler.AssertQuiet();
        GC.SuppressFinalize(this);
    }

    protected static MemberId Id(int rank, long incarnation = 1) => new(rank, incarnation);

    protected static Task SendAsync(ITransport transport, int rank, LinkKind link, long step, byte[] bytes, CancellationToken cancellationToken = default) =>
        SendAsync(transport, Id(rank), link, step, bytes, cancellationToken);

    protected static Task SendAsync(ITransport transport, MemberId peer, LinkKind link, long step, byte[] bytes, CancellationToken cancellationToken = default)
    {
        ReadOnlyMemory<EpBuffer> rows = bytes.Length == 0 ? default : new[] { EpBuffer.From(bytes.AsMemory()) };
        return transport.SendAsync(peer, link, SuiteFrame.Head(step), default, rows, cancellationToken).AsTask();
    }

    /// <summary>Bytes that differ from place to place and from length to length.</summary>
    protected static byte[] Bytes(int length)
    {
        var bytes = new byte[length];
        for (var i = 0; i < length; i++)
            bytes[i] = (byte)((i * 31) + length);
        return bytes;
    }

    /// <summary>Sends frames of 1 MiB, each filled with its number; more than any transport takes from a receiver that holds them.</summary>
    protected static async Task FloodAsync(ITransport transport, int rank, int frames = 64, CancellationToken cancellationToken = default)
    {
        var bytes = new byte[Mebibyte];
        try
        {
            for (var step = 0; step < frames; step++)
            {
                bytes.AsSpan().Fill((byte)step);
                await SendAsync(transport, rank, LinkKind.Data, step, bytes, cancellationToken);
            }
        }
        finally
        {
            bytes.AsSpan().Fill(255); // the memory is ours again, however the send ended
        }
    }

    /// <summary>The call fails because the connection has ended.</summary>
    protected static async Task AssertLostAsync(Task call) =>
        Assert.Equal(ElasticEpErrorCode.PeerLost, (await Assert.ThrowsAsync<ElasticEpException>(() => call.WaitAsync(Deadline))).Code);

    /// <summary>Nobody listens there any more, and the transport says exactly that: a killed process is told from a bad network by it.</summary>
    protected static async Task AssertRefusedAsync(Task connect) =>
        Assert.Equal(ElasticEpErrorCode.ConnectionRefused, (await Assert.ThrowsAsync<ElasticEpException>(() => connect.WaitAsync(Deadline))).Code);

    protected static async Task ConnectAsync(ITransport a, ITransport b, RecordingHandler handlerA, RecordingHandler handlerB, MemberId peerOfB)
    {
        await a.ConnectAsync(peerOfB, b.Address).AsTask().WaitAsync(Deadline);
        await handlerA.NextConnectionAsync();
        await handlerB.NextConnectionAsync();
    }

    protected async Task<(ITransport Transport, RecordingHandler Handler)> StartAsync(int rank, long incarnation = 1, string layout = "rows=Float32;hidden=16", string group = "test", ITransport? transport = null, byte readsVersion = 0)
    {
        transport ??= Create();
        var handler = new RecordingHandler();
        _started.Add((transport, handler));
        await transport.StartAsync(new PeerIdentity(group, Id(rank, incarnation), "", layout) { ReadsVersion = readsVersion }, handler);
        return (transport, handler);
    }

    /// <summary>Ranks 0 and 1, connected.</summary>
    protected async Task<(ITransport A, ITransport B, RecordingHandler HandlerA, RecordingHandler HandlerB)> PairAsync()
    {
        var (a, handlerA) = await StartAsync(0);
        var (b, handlerB) = await StartAsync(1);
        await ConnectAsync(a, b, handlerA, handlerB, Id(1));
        return (a, b, handlerA, handlerB);
    }

    /// <summary>A dead process does not report what it has seen.</summary>
    private void Forget(RecordingHandler handler) => _started.RemoveAll(started => started.Handler == handler);
}
