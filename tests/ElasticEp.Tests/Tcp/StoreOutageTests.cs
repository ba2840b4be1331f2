using System.Net;
using System.Net.Sockets;
using ElasticEp.Rendezvous;
using ElasticEp.Transports.Tcp.Connecting;
using ElasticEp.Transports.Tcp.Store;
using Microsoft.Extensions.Time.Testing;
using Moq;

namespace ElasticEp.Tests.Tcp;

/// <summary>Stores that say nothing, connections that have gone dark, batches and stores that are too large.</summary>
public sealed class StoreOutageTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_client_that_reads_gets_the_answers_to_a_large_batch()
    {
        await using var fixture = await StoreFixture.StartAsync();
        var client = fixture.Connect();
        await client.SetAsync("large", new byte[4 << 20]);
        var answers = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => client.GetAsync("large").AsTask())).WaitAsync(Deadline);
        Assert.All(answers, answer => Assert.Equal(4 << 20, answer!.Value.Length));
    }

    [Fact]
    public async Task Calls_to_a_silent_store_fail_together()
    {
        using var silent = Listen();
        await using var fixture = await StoreFixture.StartAsync(configure: options => (options.StoreTimeout, options.HandshakeTimeout) = (TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(10)));
        await using var client = new TcpRendezvousStore(_ => ValueTask.FromResult(AddressOf(silent)), fixture.Security, fixture.Options, TimeProvider.System);
        var started = TimeProvider.System.GetTimestamp();
        var calls = Enumerable.Range(0, 40).Select(_ => Assert.ThrowsAsync<ElasticEpException>(() => client.GetAsync("k").AsTask())).ToArray();
        foreach (var call in calls)
            Assert.Contains("StoreTimeout", (await call.WaitAsync(Deadline)).Message, StringComparison.Ordinal);
        Assert.True(TimeProvider.System.GetElapsedTime(started) < TimeSpan.FromSeconds(20), "they waited one after another");
    }

    [Fact]
    public async Task A_connection_that_has_gone_dark_is_given_up()
    {
        await using var fixture = await StoreFixture.StartAsync();
        await using var proxy = new DarkProxy(fixture.Server.Address);
        var time = new FakeTimeProvider();
        await using var client = new TcpRendezvousStore(_ => ValueTask.FromResult(proxy.Address), fixture.Security, fixture.Options, time);
        await client.SetAsync("k", new byte[] { 1 });
        await using var watch = client.WatchAsync("other").GetAsyncEnumerator(TestContext.Current.CancellationToken);
        var change = watch.MoveNextAsync().AsTask();
        await client.GetAsync("k").AsTask().WaitAsync(Deadline); // whatever the watch is told at first is here
        proxy.GoDark();
        var late = client.GetAsync("k").AsTask();
        time.Advance(fixture.Options.StoreTimeout);
        Assert.Contains("in time", (await Assert.ThrowsAsync<ElasticEpException>(() => late.WaitAsync(Deadline))).Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<ElasticEpException>(() => change.WaitAsync(Deadline));
        Assert.Equal([1], (await client.GetAsync("k").AsTask().WaitAsync(Deadline))!.Value.ToArray());
    }

    [Fact]
    public async Task A_full_store_refuses_with_words_and_takes_what_replaces_or_deletes()
    {
        await using var store = new InMemoryRendezvousStore { MaxBytes = 4096 };
        await store.SetAsync("a", new byte[3000]);
        var refused = await Assert.ThrowsAsync<ElasticEpException>(async () => await store.SetAsync("b", new byte[2000]));
        Assert.Contains("The store is full", refused.Message, StringComparison.Ordinal);
        Assert.Null(await store.GetAsync("b"));
        await store.SetAsync("a", new byte[1000]);
        await store.SetAsync("b", new byte[2000]);
        Assert.True(await store.DeleteAsync("a"));
        await store.SetAsync("c", new byte[1000]);
    }

    [Fact]
    public async Task A_tensor_is_received_although_it_cannot_be_cleaned_up()
    {
        await using var inner = new InMemoryRendezvousStore();
        var store = new Mock<IRendezvousStore>();
        store.Setup(s => s.SetAsync(It.IsAny<string>(), It.IsAny<ReadOnlyMemory<byte>>(), null, It.IsAny<CancellationToken>()))
            .Returns((string key, ReadOnlyMemory<byte> value, IStoreLease? lease, CancellationToken token) => inner.SetAsync(key, value, lease, token));
        store.Setup(s => s.WaitAsync(It.IsAny<string>(), It.IsAny<long>(), It.IsAny<CancellationToken>()))
            .Returns((string key, long after, CancellationToken token) => inner.WaitAsync(key, after, token));
        store.Setup(s => s.DeleteAsync(It.IsAny<string>(), It.IsAny<CancellationToken>())).Throws(new ElasticEpException(ElasticEpErrorCode.StoreUnavailable, "out"));
        var (sender, receiver) = (new StoreTensors(store.Object, "group", 1, 0), new StoreTensors(store.Object, "group", 1, 1));
        foreach (var content in (byte[])[1, 2])
        {
            await sender.SendAsync(1, "t", new[] { content });
            var memory = new byte[1];
            await receiver.ReceiveAsync(0, "t", memory).AsTask().WaitAsync(Deadline);
            Assert.Equal([content], memory);
        }
    }

    private static TcpListener Listen()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return listener;
    }

    private static HostAddress AddressOf(TcpListener listener) => new("127.0.0.1", ((IPEndPoint)listener.LocalEndpoint).Port);

    /// <summary>Passes bytes on, until it goes dark: then the connections of before stay open and say nothing, new ones work.</summary>
    private sealed class DarkProxy : IAsyncDisposable
    {
        private readonly TcpListener _listener = Listen();
        private readonly List<Socket> _sockets = [];
        private readonly Task _accepting;
        private CancellationTokenSource _light = new();

        public DarkProxy(HostAddress target) => _accepting = AcceptAsync(target);

        public HostAddress Address => AddressOf(_listener);

        public void GoDark() => Interlocked.Exchange(ref _light, new CancellationTokenSource()).Cancel();

        public async ValueTask DisposeAsync()
        {
            _listener.Dispose();
            await _accepting;
            foreach (var socket in _sockets)
                socket.Dispose();
        }

        private async Task AcceptAsync(HostAddress target)
        {
            try
            {
                while (true)
                {
                    var inside = await _listener.AcceptSocketAsync();
                    var outside = new Socket(SocketType.Stream, ProtocolType.Tcp);
                    await outside.ConnectAsync(target.Host, target.Port);
                    _sockets.AddRange([inside, outside]);
                    _ = PassAsync(inside, outside, _light.Token);
                    _ = PassAsync(outside, inside, _light.Token);
                }
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
            {
                // disposed
            }
        }

        private static async Task PassAsync(Socket from, Socket to, CancellationToken light)
        {
            try
            {
                var bytes = new byte[4096];
                while (await from.ReceiveAsync(bytes, light) is > 0 and var count)
                    await to.SendAsync(bytes.AsMemory(0, count), light);
            }
            catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                // dark, or over
            }
        }
    }
}
