using ElasticEp.TestKit;
using ElasticEp.Transport;

namespace ElasticEp.Tests.Rdma;

public sealed class SharedMemoryExchangeTests : ExchangeConformance
{
    protected override ITransport Create() => UcxPath.SharedMemory.CreateTransport();
}
