using ElasticEp.Rendezvous;
using ElasticEp.TestKit;

namespace ElasticEp.Tests.Tcp;

public sealed class TcpTensorTests : TensorConformance
{
    private StoreFixture? _fixture;

    protected override async ValueTask<IRendezvousStore> CreateAsync() => (_fixture = await StoreFixture.StartAsync()).Connect();

    protected override ValueTask CloseAsync() => _fixture?.DisposeAsync() ?? default;
}
