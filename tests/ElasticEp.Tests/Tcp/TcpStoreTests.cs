using ElasticEp.Rendezvous;
using ElasticEp.TestKit;
using ElasticEp.Transports.Tcp;
using ElasticEp.Transports.Tcp.Connecting;
using ElasticEp.Transports.Tcp.Store;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace ElasticEp.Tests.Tcp;

/// <summary>The conformance suite over a server on the loopback.</summary>
public sealed class TcpStoreTests : StoreConformance
{
    private readonly FakeTimeProvider _time = new();
    private TcpStoreServer? _server;

    protected override async ValueTask<IRendezvousStore> CreateAsync()
    {
        var options = new TcpOptions { JoinSecret = "a secret of the tests" };
        var security = TcpSecurity.From(options);
        _server = await TcpStoreServer.StartAsync("127.0.0.1:0", security, options.HandshakeTimeout, _time, NullLoggerFactory.Instance);
        return new TcpRendezvousStore(_ => ValueTask.FromResult(_server.Address), security, options, _time);
    }

    protected override void Advance(TimeSpan time) => _time.Advance(time);

    protected override async ValueTask CloseAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
    }
}
