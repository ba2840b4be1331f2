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

    protected override ITransport Create() => Create(Options());

    protected override ITransport CreateAt(string address)
    {
        var options = Options();
        options.BindAddress = TcpAddress.Parse(address).Tcp.ToString(); // a Unix domain socket has a name of its own in each process
        return Create(options);
    }

    protected override void Lose(MemberId a, MemberId b) => Of(a).Break(b);

    protected override Task KillAsync(MemberId peer) => Of(peer).KillAsync();

    private TcpTransport Create(TcpOptions options)
    {
        var transport = new TcpTransport(options, TimeProvider.System, NullLoggerFactory.Instance);
        _transports.Add(transport);
        return transport;
    }

    private TcpTransport Of(MemberId peer) => _transports.Last(transport => transport.Self?.Id == peer);
}
