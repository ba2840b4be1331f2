using ElasticEp.TestKit;
using ElasticEp.Transport;
using ElasticEp.Transports.Tcp;
using ElasticEp.Transports.Tcp.Transport;
using Microsoft.Extensions.Logging.Abstractions;

namespace ElasticEp.Tests.Tcp;

/// <summary>The conformance suite over TCP.</summary>
public class TcpTransportTests : TransportConformance
{
    private readonly List<TcpTransport> _transports = [];

    protected virtual TcpLinks Links => TcpLinks.Tcp;

    protected virtual TcpOptions Options() => Links.Options();

    protected override ITransport Create()
    {
        var transport = new TcpTransport(Options(), TimeProvider.System, NullLoggerFactory.Instance);
        _transports.Add(transport);
        return transport;
    }

    protected override void Lose(int a, int b) => Of(a).Break(b);

    protected override void Kill(int peer) => Of(peer).Kill();

    private TcpTransport Of(int peer) => _transports.Last(transport => transport.Self?.Peer == peer);
}
