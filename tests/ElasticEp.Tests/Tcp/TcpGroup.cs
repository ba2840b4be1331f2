using ElasticEp.TestKit;
using ElasticEp.Transport;
using ElasticEp.Transports.Tcp;
using ElasticEp.Transports.Tcp.Connecting;
using ElasticEp.Transports.Tcp.Transport;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace ElasticEp.Tests.Tcp;

/// <summary>Transports of one group. At its end all are disposed, and every handler must have seen each beginning end.</summary>
internal sealed class TcpGroup(TcpLinks links, ILoggerFactory? loggers = null, TimeProvider? time = null) : IAsyncDisposable
{
    /// <summary>What the peers of the tests agree on.</summary>
    public const string Layout = "rows=Float32;hidden=16";

    private readonly List<TcpPeer> _started = [];

    public static TimeSpan Deadline => TransportConformance.Deadline;

    public async Task<TcpPeer> StartAsync(int peer, long incarnation = 1, Action<TcpOptions>? configure = null, VersionRange? versions = null)
    {
        var options = links.Options();
        configure?.Invoke(options);
        var transport = new TcpTransport(options, time ?? TimeProvider.System, loggers ?? NullLoggerFactory.Instance, versions);
        var started = new TcpPeer(transport, new RecordingHandler());
        lock (_started)
            _started.Add(started);
        await transport.StartAsync(new PeerIdentity("test", new MemberId(peer, incarnation), "", Layout), started.Handler);
        return started;
    }

    /// <summary>Peers 0 and 1, connected.</summary>
    public async Task<(TcpPeer A, TcpPeer B)> PairAsync(Action<TcpOptions>? configure = null)
    {
        var (a, b) = (await StartAsync(0, configure: configure), await StartAsync(1, configure: configure));
        await a.ConnectAsync(b);
        Assert.Equal("up 1/1", await a.Handler.NextConnectionAsync());
        Assert.Equal("up 0/1", await b.Handler.NextConnectionAsync());
        return (a, b);
    }

    /// <summary>Ends a peer as a killed process would; a dead process does not report what it has seen.</summary>
    public Task KillAsync(TcpPeer peer)
    {
        lock (_started)
            _started.Remove(peer);
        return peer.Transport.KillAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_started.Select(peer => peer.Transport.DisposeAsync().AsTask())).WaitAsync(Deadline);
        foreach (var peer in _started)
            peer.Handler.AssertQuiet();
    }
}
