using ElasticEp.TestKit;
using ElasticEp.Transport;

namespace ElasticEp.Tests.Transport;

public sealed class InProcessExchangeTests : ExchangeConformance
{
    private readonly InProcessTransportHub _hub = new();

    protected override ITransport Create() => new InProcessTransport(_hub);
}
