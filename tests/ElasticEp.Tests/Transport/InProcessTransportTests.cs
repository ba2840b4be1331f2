using ElasticEp.TestKit;
using ElasticEp.Transport;

namespace ElasticEp.Tests.Transport;

public sealed class InProcessTransportTests : TransportConformance
{
    private readonly InProcessTransportHub _hub = new();

    protected override ITransport Create() => new InProcessTransport(_hub);

    protected override void Lose(int a, int b) => _hub.Drop(a, b);
}
