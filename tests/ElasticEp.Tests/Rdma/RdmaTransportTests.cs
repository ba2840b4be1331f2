using ElasticEp.TestKit;
using ElasticEp.Transport;
using ElasticEp.Transports.Rdma;
using ElasticEp.Transports.Rdma.Connections;
using ElasticEp.Transports.Tcp;
using ElasticEp.Transports.Tcp.Transport;

namespace ElasticEp.Tests.Rdma;

/// <summary>The conformance suite over UCX.</summary>
public abstract class RdmaTransportTests(UcxPath path) : TransportConformance
{
    private readonly List<(RdmaTransport Rdma, TcpTransport Control)> _transports = [];

    protected virtual RdmaOptions Options() => path.Options();

    protected override ITransport Create() => Create(null);

    protected override ITransport CreateAt(string address) =>
        Create(new TcpOptions { BindAddress = TcpAddress.Parse(address).Tcp.ToString(), HandshakeTimeout = TimeSpan.FromSeconds(20) });

    protected override void Lose(MemberId a, MemberId b) => Of(a).Control.Break(b);

    protected override Task KillAsync(MemberId peer) => Of(peer).Rdma.KillAsync(Of(peer).Control.KillAsync);

    private RdmaTransport Create(TcpOptions? control)
    {
        _transports.Add(path.Create(control, Options()));
        return _transports[^1].Rdma;
    }

    private (RdmaTransport Rdma, TcpTransport Control) Of(MemberId peer) => _transports.Last(transport => transport.Control.Self?.Id == peer);
}
