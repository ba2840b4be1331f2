using ElasticEp.TestKit;
using ElasticEp.Transport;

namespace ElasticEp.Tests.Tcp;

public sealed class UnixSocketExchangeTests : ExchangeConformance
{
    protected override ITransport Create() => TcpLinks.Unix.Create();
}
