using ElasticEp.TestKit;
using ElasticEp.Transport;

namespace ElasticEp.Tests.Tcp;

public sealed class TcpExchangeTests : ExchangeConformance
{
    protected override ITransport Create() => TcpLinks.Tcp.Create();
}
