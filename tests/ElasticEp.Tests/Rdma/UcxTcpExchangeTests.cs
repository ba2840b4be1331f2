using ElasticEp.TestKit;
using ElasticEp.Transport;

namespace ElasticEp.Tests.Rdma;

public sealed class UcxTcpExchangeTests : ExchangeConformance
{
    protected override ITransport Create() => UcxPath.Tcp.CreateTransport();
}
