using ElasticEp.Rendezvous;
using ElasticEp.TestKit;

namespace ElasticEp.Tests.Rendezvous;

public sealed class InMemoryTensorTests : TensorConformance
{
    protected override ValueTask<IRendezvousStore> CreateAsync() => new(new InMemoryRendezvousStore());
}
